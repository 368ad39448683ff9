// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

namespace connscope::app {

// What became of saving: empty when all is well, else a sentence with the reason.
using SaveError = QString;

// Writes a file whole or, where that fails (no room, no right), not at all: what was there before stays.
SaveError save_file(const QString& file, const QByteArray& bytes);

} // namespace connscope::app
