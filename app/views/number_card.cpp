// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/number_card.hpp"

#include "views/palette.hpp"

#include <QEvent>
#include <QHBoxLayout>
#include <QVBoxLayout>

namespace connscope::app {

NumberCard::NumberCard(const QString& name, const QString& caption, const QString& tip, QWidget* parent)
    : Card(parent)
    , caption_(new MutedLabel(caption, this))
    , number_(new QLabel(unknown_text, this))
    , unit_(new MutedLabel({}, this))
    , note_(new QLabel(this)) {
    setObjectName(QStringLiteral("number_") + name);
    setAccessibleName(caption);
    setAccessibleDescription(tip);
    setToolTip(tip);
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);

    auto* value = new QHBoxLayout;
    value->setSpacing(5);
    value->addWidget(number_, 0, Qt::AlignBaseline);
    value->addWidget(unit_, 0, Qt::AlignBaseline);
    value->addStretch();

    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(10, 5, 6, 5);
    box->setSpacing(0);
    box->addWidget(caption_);
    box->addLayout(value);
    box->addWidget(note_);
    // A long note is cut with an ellipsis by apply_note(), it does not widen the card.
    note_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    apply_fonts();
    apply_note();
}

void NumberCard::show_value(const ValueText& value) {
    number_->setText(value.number);
    unit_->setText(value.unit);
}

void NumberCard::show_note(const QString& note, Tone tone) {
    if (note == note_text_ && tone == tone_) return;
    note_text_ = note;
    tone_ = tone;
    apply_note();
}

void NumberCard::changeEvent(QEvent* event) {
    Card::changeEvent(event);
    if (applying_) return;
    if (event->type() == QEvent::FontChange) apply_fonts();
    if (event->type() == QEvent::PaletteChange) apply_note();
}

void NumberCard::resizeEvent(QResizeEvent* event) {
    Card::resizeEvent(event);
    apply_note();
}

void NumberCard::apply_fonts() {
    applying_ = true;
    number_->setFont(scaled_font(font(), 1.75, QFont::DemiBold));
    note_->setFont(scaled_font(font(), 0.9));
    applying_ = false;
}

void NumberCard::apply_note() {
    applying_ = true;
    const Ink& colours = ink(palette());
    QPalette changed = note_->palette();
    changed.setColor(QPalette::WindowText,
                     tone_ == Tone::good ? colours.good : tone_ == Tone::bad ? colours.bad : colours.muted);
    note_->setPalette(changed);
    const QString shown = note_->fontMetrics().elidedText(note_text_, Qt::ElideRight, std::max(width() - 18, 20));
    note_->setText(shown.isEmpty() ? QStringLiteral(" ") : shown);
    note_->setToolTip(shown == note_text_ ? QString() : note_text_);
    applying_ = false;
}

} // namespace connscope::app
