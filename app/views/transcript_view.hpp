// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/conversation.hpp"

#include <QAbstractScrollArea>

namespace connscope::app {

// The transcript of a conversation, line by line: when, who, what was said and how it ended. Follows the newest line unless
// it was scrolled away from it. `conversation` outlives it.
class TranscriptView : public QAbstractScrollArea {
    Q_OBJECT
public:
    explicit TranscriptView(const Conversation& conversation, QWidget* parent = nullptr);

    // The conversation has more lines, or others.
    void refresh();

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool viewportEvent(QEvent* event) override; // tool tips

private:
    int line_height() const { return fontMetrics().height() + 4; }
    void fit_scroll_bar();
    void paint_row(QPainter& painter, const TalkRow& row, const QRect& place) const;

    const Conversation& conversation_;
};

} // namespace connscope::app
