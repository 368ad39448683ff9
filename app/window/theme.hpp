// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <optional>

namespace connscope::app {

enum class Theme { system, light, dark };

std::optional<Theme> theme_of(const QString& name); // "system", "light", "dark"
QString name_of(Theme theme);

// Gives the whole application Fusion's style and the sheet's fonts.
void apply_style();
// Gives it a theme's colours; `system` is what the desktop wants.
void apply_theme(Theme theme, bool desktop_is_dark = false);

inline constexpr int least_text_steps = -3;
inline constexpr int most_text_steps = 8;
// Makes all text `steps` steps bigger (smaller when negative) than the desktop's usual.
void apply_text_size(int steps);

} // namespace connscope::app
