// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/format.hpp"
#include "views/card.hpp"

namespace connscope::app {

// One number that matters: a caption, the number big, its unit, and a line below that puts it in relation.
class NumberCard : public Card {
    Q_OBJECT
public:
    enum class Tone { quiet, good, bad };

    NumberCard(const QString& name, const QString& caption, const QString& tip, QWidget* parent = nullptr);

    void show_value(const ValueText& value);
    void show_note(const QString& note, Tone tone = Tone::quiet);

    QString number() const { return number_->text(); }

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void apply_fonts();
    void apply_note();

    QLabel* caption_;
    QLabel* number_;
    QLabel* unit_;
    QLabel* note_;
    QString note_text_;
    Tone tone_ = Tone::quiet;
    bool applying_ = false;
};

} // namespace connscope::app
