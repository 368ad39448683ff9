// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSvgRenderer>
#include <QWidget>

#include <string>

namespace connscope::app {

// A drawing as large as it fits, or a sentence where there is none.
class SvgPicture : public QWidget {
    Q_OBJECT
public:
    explicit SvgPicture(QWidget* parent = nullptr);

    // An empty drawing shows the sentence instead.
    void show_drawing(const std::string& svg, const QString& otherwise);
    bool has_drawing() const { return renderer_.isValid(); }
    QSize sizeHint() const override { return {420, 240}; }
    QSize minimumSizeHint() const override { return {240, 140}; }

signals:
    void resized();

protected:
    void resizeEvent(QResizeEvent*) override { emit resized(); }
    void paintEvent(QPaintEvent* event) override;

private:
    QSvgRenderer renderer_;
    QString otherwise_;
};

} // namespace connscope::app
