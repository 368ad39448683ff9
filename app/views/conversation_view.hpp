// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/conversation.hpp"

#include <QWidget>

namespace connscope::app {

// A conversation as lanes over time, a speaker each: words as they are said, what a speaker waits for, and where it was
// interrupted. On the left of each who it is and since when it waits. `conversation` outlives it.
class ConversationView : public QWidget {
    Q_OBJECT
public:
    explicit ConversationView(const Conversation& conversation, QWidget* parent = nullptr);

    // How much time is seen, in s: about so many words at the speed that is spoken at.
    double span_s() const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override; // tool tips

private:
    struct Place;
    Place place() const;
    void paint_lane(QPainter& painter, const Place& place, const TalkLane& lane, const QRect& row) const;
    void paint_head(QPainter& painter, const TalkLane& lane, const QRect& row) const;
    void paint_axis(QPainter& painter, const Place& place) const;
    void paint_legend(QPainter& painter, const QRect& row) const;
    const TalkLane* lane_at(const Place& place, int y) const;

    const Conversation& conversation_;
};

} // namespace connscope::app
