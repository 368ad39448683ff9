// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/filter_line.hpp"

#include "views/palette.hpp"

#include <QAbstractItemView>
#include <QCompleter>
#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QStringListModel>

namespace connscope::app {

FilterLine::FilterLine(QWidget* parent)
    : QLineEdit(parent), completer_(new QCompleter(this)), words_(new QStringListModel(this)) {
    setObjectName(QStringLiteral("filter"));
    setAccessibleName(tr("Filter of connections"));
    setPlaceholderText(tr("filter: state == ready and wait > 10ms"));
    setClearButtonEnabled(true);
    completer_->setWidget(this);
    completer_->setModel(words_);
    completer_->setCompletionMode(QCompleter::PopupCompletion);
    completer_->setCaseSensitivity(Qt::CaseInsensitive);
    connect(completer_, qOverload<const QString&>(&QCompleter::activated), this, &FilterLine::complete);
    connect(this, &QLineEdit::textChanged, this, &FilterLine::read);
    connect(this, &QLineEdit::textEdited, this, &FilterLine::offer_completions);
    read();
}

void FilterLine::read() {
    ParsedFilter parsed = parse_filter(text());
    error_ = parsed.error;
    const QString help = tr("Shows only some connections, for example:\nstate == ready and wait > 10ms\ncarrier == thread or "
                            "longest_slice > 5ms\npeer ~ 127.0.0.3 and not (requests < 100)");
    setToolTip(error_ ? error_->text : help);
    setAccessibleDescription(error_ ? error_->text : QString());
    update();
    if (!error_) emit filterChanged(parsed.filter);
}

void FilterLine::offer_completions() {
    const qsizetype begin = filter_word_begin(text(), cursorPosition());
    const QString word = text().mid(begin, cursorPosition() - begin);
    words_->setStringList(filter_completions(text(), cursorPosition()));
    completer_->setCompletionPrefix(word);
    const int count = completer_->completionCount();
    if (count == 0 || (count == 1 && completer_->currentCompletion() == word)) {
        completer_->popup()->hide();
        return;
    }
    QRect place = cursorRect();
    place.setWidth(completer_->popup()->sizeHintForColumn(0) + completer_->popup()->verticalScrollBar()->sizeHint().width() + 12);
    completer_->complete(place);
}

void FilterLine::complete(const QString& word) {
    const qsizetype begin = filter_word_begin(text(), cursorPosition());
    QString changed = text();
    changed.replace(begin, cursorPosition() - begin, word + QLatin1Char(' '));
    setText(changed);
    setCursorPosition(static_cast<int>(begin + word.size() + 1));
}

void FilterLine::keyPressEvent(QKeyEvent* event) {
    if (completer_->popup()->isVisible()) {
        switch (event->key()) { // the popup takes them
        case Qt::Key_Enter:
        case Qt::Key_Return:
        case Qt::Key_Escape:
        case Qt::Key_Tab:
        case Qt::Key_Backtab: event->ignore(); return;
        default: break;
        }
    } else if (event->key() == Qt::Key_Escape && !text().isEmpty()) {
        clear();
        return;
    }
    QLineEdit::keyPressEvent(event);
}

void FilterLine::paintEvent(QPaintEvent* event) {
    QLineEdit::paintEvent(event);
    if (!error_ || text().isEmpty()) return;
    // The text may be scrolled: the cursor's place tells by how much.
    const int origin = cursorRect().center().x() - fontMetrics().horizontalAdvance(text().left(cursorPosition()));
    const int left = origin + fontMetrics().horizontalAdvance(text().left(error_->position));
    const int right =
        left + std::max(fontMetrics().horizontalAdvance(text().mid(error_->position, error_->length)), fontMetrics().averageCharWidth());
    QPainter painter(this);
    painter.setPen(QPen(ink(palette()).bad, 2));
    const int y = (height() + fontMetrics().height()) / 2;
    painter.drawLine(left, y, right, y);
}

} // namespace connscope::app
