// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <QWidget>

#include <array>

namespace connscope::app {

// The line at the window's foot: which processes are watched, since when, and what watching costs. Painted, so that it can
// change several times a second and lay nothing out anew.
class StatusLine : public QWidget {
    Q_OBJECT
public:
    explicit StatusLine(QWidget* parent = nullptr);

    void show_server(const ProcessStatus& status, const QString& mode_name, double mode_since_s);
    void show_load(const ProcessStatus& status, double verified_share);
    void show_watching(double frame_ms, double look_ms);

    QString text() const; // all of it

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

private:
    enum class Light { off, on, trouble };
    struct Part {
        QString text;
        QString tip;
        Light light = Light::off;
        QRect place;
    };
    static Light light_of(const ProcessStatus& status);
    void change(Part& part, const QString& text, Light light);

    Part server_;
    Part load_;
    Part watching_;
};

} // namespace connscope::app
