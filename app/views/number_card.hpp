// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/quick_text.hpp"

namespace connscope::app {

// One number that matters: a caption, the number big, its unit, and a line below that puts it in relation. Painted rather
// than made of labels, so that a new number several times a second lays nothing out anew.
class NumberCard : public Card {
    Q_OBJECT
public:
    enum class Tone { quiet, good, bad };

    NumberCard(const QString& name, const QString& caption, const QString& tip, QWidget* parent = nullptr);

    void show_value(const ValueText& value);
    void show_note(const QString& note, Tone tone = Tone::quiet);
    // Why there is no number: shown as "–" with this in the tool tip. Empty: there is one.
    void show_reason(const QString& reason);

    const QString& number() const noexcept { return value_.number; }
    const QString& note() const noexcept { return note_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;
    // The width that shows everything uncut.
    int wanted_width() const;

protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void learn_fonts();
    void describe();

    QuickText plain_; // caption and unit
    QuickText big_;   // the number
    QuickText small_; // the note

    QString caption_;
    QString tip_;
    QString reason_;
    ValueText value_{unknown_text, {}};
    QString note_;
    Tone tone_ = Tone::quiet;
};

} // namespace connscope::app
