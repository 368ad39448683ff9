// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/load_bar.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"
#include "window/flow_layout.hpp"
#include "window/log_slider.hpp"
#include "window/mode_bar.hpp"
#include "window/stepper.hpp"

#include <QPainter>
#include <QVBoxLayout>

namespace connscope::app {

namespace {
constexpr int send_interval = 120;    // ms: at most so often while a slider moves
constexpr int settle_interval = 1000; // ms after a change was sent
constexpr double most_connections = 20'000;
constexpr double most_requests = 200'000;
} // namespace

LoadBar::LoadBar(QWidget* parent)
    : QFrame(parent) {
    setObjectName(QStringLiteral("load_bar"));
    setAccessibleName(tr("Load"));
    auto* flow = new FlowLayout(22, 4);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(10, 4, 10, 4);
    box->addLayout(flow);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);

    panel_button_ = new SegmentButton(QString(), this);
    panel_button_->setObjectName(QStringLiteral("load_panel_button"));
    panel_button_->setAccessibleName(tr("Workloads and clients"));
    panel_button_->setToolTip(tr("Shows the workloads to choose from, and a table of all clients to change."));
    show_title(tr("your own mix"));
    flow->addWidget(panel_button_);

    connections_ =
        new LogSlider(QStringLiteral("load_connections"), tr("Connections"), 1, most_connections, {},
                      tr("How many clients are connected and send requests. More are opened, or some are closed, while "
                         "the others go on."),
                      this);
    rate_ = new LogSlider(
        QStringLiteral("load_rate"), tr("Requests/s"), 10, most_requests, tr("most"),
        tr("How many requests these clients send in a second, all together. At the left end each sends the next one "
           "as soon as it has its answer."),
        this);
    idle_ = new Stepper(QStringLiteral("idle"), tr("idle"), 100,
                        tr("Clients that connect and say nothing: what does a waiting connection cost?"), this);
    slow_readers_ = new Stepper(
        QStringLiteral("slow_reader"), tr("slow readers"), 1,
        tr("A client that takes its answers a little at a time: the server has to wait until it can write."), this);
    hogs_ = new Stepper(
        QStringLiteral("hog"), tr("hogs"), 1,
        tr("A client whose requests take 100 ms of CPU without a pause, four a second: who else has to wait?"), this);
    for (QWidget* widget : std::initializer_list<QWidget*>{connections_, rate_, idle_, slow_readers_, hogs_})
        flow->addWidget(widget);

    send_timer_.setSingleShot(true);
    send_timer_.setInterval(send_interval);
    connect(&send_timer_, &QTimer::timeout, this, &LoadBar::send_wanted);
    settle_timer_.setSingleShot(true);
    settle_timer_.setInterval(settle_interval);
    connect(panel_button_, &QAbstractButton::clicked, this, [this](bool checked) {
        panel_button_->setChecked(!checked); // whether the panel is there says so, not the click
        emit panelWanted();
    });
    connect(connections_, &LogSlider::valueWanted, this, &LoadBar::change_active);
    connect(rate_, &LogSlider::valueWanted, this, &LoadBar::change_active);
    connect(idle_, &Stepper::countWanted, this,
            [this](int count) { want(QStringLiteral("idle"), count > 0 ? idle_text(count) : QString()); });
    connect(slow_readers_, &Stepper::countWanted, this,
            [this](int count) { want(QStringLiteral("slow-reader"), count > 0 ? slow_reader_text(count) : QString()); });
    connect(hogs_, &Stepper::countWanted, this,
            [this](int count) { want(QStringLiteral("hog"), count > 0 ? hog_text(count) : QString()); });
}

void LoadBar::show_title(const QString& title) {
    const QString text = tr("Load: %1").arg(title);
    if (text == panel_button_->text()) return;
    panel_button_->setText(text);
    panel_button_->updateGeometry();
}

void LoadBar::show_load(const Snapshot& snapshot, const QString& protocol) {
    hogs_->set_refusal(protocol == QLatin1String("http") ? QString()
                                                         : tr("Only requests of http compute when asked to: hogs need it."));
    if (!snapshot.has_load || is_settling()) return;
    active_.reset();
    int idle = 0;
    int slow = 0;
    int hogs = 0;
    for (std::size_t i = 1; i < snapshot.load.populations.size(); ++i) {
        const auto population = parse_population(QString::fromStdString(snapshot.load.populations[i].text));
        if (!population) continue;
        if (population->kind == QLatin1String("active") && !active_) active_ = population;
        if (population->name == QLatin1String("idle")) idle = population->connections;
        if (population->name == QLatin1String("slow-reader")) slow = population->connections;
        if (population->name == QLatin1String("hog")) hogs = population->connections;
    }
    connections_->setEnabled(active_.has_value());
    rate_->setEnabled(active_.has_value());
    if (active_) {
        connections_->show_value(active_->connections);
        rate_->show_value(active_->rate());
    }
    idle_->show_count(idle);
    slow_readers_->show_count(slow);
    hogs_->show_count(hogs);
}

void LoadBar::set_usable(bool usable) { setEnabled(usable); }

void LoadBar::change_active() {
    if (!active_) return;
    active_->connections = static_cast<int>(connections_->value());
    active_->set_option(QStringLiteral("rate"), QString::number(rate_->value(), 'g', 10));
    want(active_->name, to_text(*active_));
}

void LoadBar::want(const QString& name, const QString& text) {
    wanted_[name] = text;
    if (!send_timer_.isActive()) send_timer_.start();
}

void LoadBar::send_wanted() {
    for (const auto& [name, text] : std::exchange(wanted_, {})) {
        if (text.isEmpty()) {
            emit populationUnwanted(name);
        } else {
            emit populationWanted(text);
        }
    }
    settle_timer_.start();
}

void LoadBar::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(colours.border, 1));
    painter.setBrush(colours.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
}

} // namespace connscope::app
