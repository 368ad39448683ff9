// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/anatomy.hpp"

#include <QWidget>

#include <vector>

namespace connscope::app {

// Control and state of a connection, beside each other where there is room and below each other where not; each a list of
// lines with what is now and, once it was moved, what was before. `model` outlives it.
class AnatomyTable : public QWidget {
    Q_OBJECT
public:
    explicit AnatomyTable(const AnatomyModel& model, QWidget* parent = nullptr);

    // The model says something else. `message` stands above all, where there is one.
    void refresh(const QString& message, const QString& name_now, const QString& name_before);
    const QString& message() const noexcept { return message_; }

    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

private:
    struct Placed {
        QRect place;
        QString tip;
    };
    int lay_out(class QPainter* painter, int width, std::vector<Placed>* tips) const; // the height it takes
    int lay_out_lists(QPainter* painter, QRect room, std::vector<Placed>* tips) const;
    int lay_out_cost(QPainter* painter, QRect room, std::vector<Placed>* tips) const;
    int lay_out_list(QPainter* painter, const QString& title, const std::vector<AnatomyLine>& lines, QRect room,
                     std::vector<Placed>* tips) const;

    const AnatomyModel& model_;
    QString message_;
    QString name_now_;
    QString name_before_;
};

} // namespace connscope::app
