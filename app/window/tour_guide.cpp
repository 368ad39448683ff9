// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/tour_guide.hpp"

#include "models/population.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr int tick_interval = 50;           // ms
constexpr qint64 setting_patience = 30'000; // ms, until server and clients are as wanted
constexpr qint64 numbers_patience = 12'000; // ms, until the numbers are there
constexpr int width_characters = 58;
constexpr int gap = 14;
const QString http = QStringLiteral("http");

// How many connections these populations have together.
int connections_of(const QStringList& populations) {
    int all = 0;
    for (const QString& text : populations) {
        if (const auto population = parse_population(text)) all += population->connections;
    }
    return all;
}

} // namespace

// A frame around what the tour speaks of; the mouse goes through it.
class TourPointer : public QWidget {
public:
    explicit TourPointer(QWidget* parent)
        : QWidget(parent) {
        setObjectName(QStringLiteral("tour_pointer"));
        setAttribute(Qt::WA_TransparentForMouseEvents);
        setFocusPolicy(Qt::NoFocus);
        hide();
    }

    void point_at(const QWidget* target) {
        if (target == nullptr || target->window() != window()) {
            hide();
            return;
        }
        const QRect place(target->mapTo(parentWidget(), QPoint(0, 0)), target->size());
        setGeometry(place.adjusted(-4, -4, 4, 4).intersected(parentWidget()->rect()));
        show();
        raise();
    }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(ink(palette()).accent, 3));
        painter.drawRoundedRect(QRectF(rect()).adjusted(1.5, 1.5, -1.5, -1.5), 6, 6);
    }
};

TourGuide::TourGuide(Session& session, const History& history, QWidget* window)
    : QFrame(window)
    , session_(session)
    , scene_(*window, session, history)
    , pointer_(new TourPointer(window))
    , title_(new ScaledLabel(QString(), 1.1, QFont::DemiBold, this))
    , count_(new MutedLabel(QString(), this))
    , text_(new QLabel(this))
    , leave_(new QPushButton(tr("Leave"), this))
    , do_it_(new QPushButton(tr("Do it for me"), this))
    , next_(new QPushButton(tr("Next"), this)) {
    setObjectName(QStringLiteral("tour_guide"));
    setAccessibleName(tr("Tour"));
    const auto name = [](QWidget* control, const char* its_name, const QString& tip) {
        control->setObjectName(QLatin1String(its_name));
        control->setAccessibleName(tip);
        control->setToolTip(tip);
    };
    name(leave_, "tour_leave", tr("Ends the tour; server and clients become what they were before it."));
    name(do_it_, "tour_do_it", tr("Uses the control that the tour points at, in your place."));
    name(next_, "tour_next", tr("Goes to the next step of the tour."));
    text_->setObjectName(QStringLiteral("tour_text"));
    text_->setWordWrap(true);
    text_->setTextFormat(Qt::PlainText);
    text_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    text_->setMinimumHeight(fontMetrics().height() * 6);
    auto* head = new QHBoxLayout;
    head->addWidget(title_, 1);
    head->addWidget(count_);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(leave_);
    buttons->addStretch();
    buttons->addWidget(do_it_);
    buttons->addWidget(next_);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(14, 12, 14, 12);
    box->addLayout(head);
    box->addWidget(text_, 1);
    box->addLayout(buttons);
    setFixedWidth(fontMetrics().averageCharWidth() * width_characters);
    hide();

    connect(leave_, &QPushButton::clicked, this, &TourGuide::leave);
    connect(do_it_, &QPushButton::clicked, this, &TourGuide::do_it);
    connect(next_, &QPushButton::clicked, this, &TourGuide::forward);
    connect(&session_, &Session::modeChanged, this, [this](const ModeChange& change) { scene_.note_change(change); });
    timer_.setInterval(tick_interval);
    connect(&timer_, &QTimer::timeout, this, &TourGuide::tick);
    window->installEventFilter(this);
}

QString TourGuide::text() const { return text_->text(); }

QWidget* TourGuide::target() const { return tour_ == nullptr ? nullptr : scene_.widget(current().target); }

void TourGuide::start(const Tour& tour) {
    if (!before_) {
        before_ = Before{session_.mode(), session_.mode_parameters(), session_.plan().protocol, session_.plan().populations};
    }
    tour_ = &tour;
    scene_.forget();
    show();
    timer_.start();
    begin_step(0);
}

void TourGuide::begin_step(int number) {
    step_ = number;
    seen_.clear();
    populations_sent_ = has_restarted_ = false;
    enter(session_.server().alive() ? Stage::setting : Stage::no_server);
}

void TourGuide::leave() {
    if (tour_ == nullptr) return;
    tour_ = nullptr;
    populations_sent_ = false;
    pointer_->hide();
    hide();
    enter(Stage::restoring);
}

void TourGuide::forward() {
    if (tour_ == nullptr || stage_ != Stage::seen) return;
    if (step_ + 1 < static_cast<int>(tour_->steps.size()))
        begin_step(step_ + 1);
    else
        leave();
}

void TourGuide::do_it() {
    if (stage_ == Stage::asking && current().act) current().act(scene_);
}

void TourGuide::enter(Stage stage) {
    stage_ = stage;
    in_stage_.restart();
    if (stage == Stage::measuring) scene_.begin_measuring();
    if (stage == Stage::away) timer_.stop();
    if (tour_ != nullptr) show_step();
    emit stageChanged();
}

// Clients that have not said that they are ready cannot be told anything yet.
bool TourGuide::load_is_coming() const {
    using Phase = ProcessStatus::Phase;
    return session_.load().phase == Phase::absent || session_.load().phase == Phase::starting;
}

// What is not yet as wanted is asked for, one thing at a time.
bool TourGuide::is_set(const TourSetting& setting) {
    if (session_.mode_is_changing() || session_.server().phase != ProcessStatus::Phase::running) return false;
    if (setting.is_fresh && !has_restarted_) {
        if (session_.mode() != setting.mode) {
            session_.changeMode(setting.mode);
        } else {
            has_restarted_ = true;
            server_before_ = session_.server().pid;
            session_.restart();
        }
        return false;
    }
    if ((has_restarted_ && session_.server().pid == server_before_) || load_is_coming()) return false;
    if (!setting.populations.isEmpty() && !populations_sent_) {
        populations_sent_ = true;
        session_.setWorkload(http, setting.populations);
        return false;
    }
    if (!setting.mode.isEmpty() && session_.mode() != setting.mode) {
        session_.changeMode(setting.mode);
        return false;
    }
    // Who went may still compute: what is measured beside it says nothing of this step.
    const double open = scene_.latest(Quantity::open);
    const int most = connections_of(setting.populations);
    return std::isfinite(open) && open >= setting.connections && (most == 0 || open <= most) && session_.load().alive();
}

void TourGuide::tick() {
    if (stage_ == Stage::restoring) return tick_restoring();
    if (tour_ == nullptr) return;
    if (!session_.server().alive() && stage_ != Stage::seen && stage_ != Stage::no_server &&
        session_.server().phase != ProcessStatus::Phase::starting)
        return enter(Stage::no_server);
    switch (stage_) {
    case Stage::no_server:
        if (session_.server().alive()) begin_step(step_);
        break;
    case Stage::setting:
        if (is_set(current().setting)) {
            enter(current().done ? Stage::asking : Stage::measuring);
        } else if (in_stage_.elapsed() > setting_patience) {
            emit failed(tr("The tour could not be set up: the server or its clients did not become what it needs."));
            leave();
        }
        break;
    case Stage::asking:
        if (current().done(scene_) && !session_.mode_is_changing()) enter(Stage::measuring);
        break;
    case Stage::measuring:
        if (scene_.measured_for() < measuring_s_) break;
        seen_ = current().seen(scene_);
        if (seen_.isEmpty() && in_stage_.elapsed() > numbers_patience)
            seen_ = tr("What this step speaks of could not be measured here.");
        if (!seen_.isEmpty()) enter(Stage::seen);
        break;
    case Stage::seen:
    case Stage::restoring:
    case Stage::away:
        break;
    }
    place();
}

void TourGuide::tick_restoring() {
    if (in_stage_.elapsed() > setting_patience) {
        emit failed(tr("Not everything could be put back to what it was before the tour."));
        before_.reset();
        return enter(Stage::away);
    }
    if (session_.server().phase == ProcessStatus::Phase::starting) return;
    if (session_.server().alive()) {
        if (session_.mode_is_changing() || load_is_coming()) return;
        if (!populations_sent_) {
            populations_sent_ = true;
            session_.setWorkload(before_->protocol, before_->populations);
            return;
        }
        if (session_.mode() != before_->mode) return session_.changeMode(before_->mode);
        if (session_.mode_parameters() != before_->parameters) return session_.changeParameters(before_->parameters);
    }
    before_.reset();
    enter(Stage::away);
}

void TourGuide::show_step() {
    title_->setText(current().title);
    count_->setText(tr("%1 of %2").arg(step_ + 1).arg(tour_->steps.size()));
    switch (stage_) {
    case Stage::no_server:
        text_->setText(
            tr("The server is not running%1 Start it again (Server, Restart server and load), and the tour goes on by "
               "itself.")
                .arg(session_.server().reason.isEmpty() ? tr(".") : tr(": %1").arg(session_.server().reason)));
        break;
    case Stage::setting:
        text_->setText(tr("Setting up the server and its clients for this step …"));
        break;
    case Stage::asking:
        text_->setText(current().ask);
        break;
    case Stage::measuring:
        text_->setText(current().ask.isEmpty() ? tr("Measuring …")
                                               : current().ask + QLatin1Char('\n') + tr("Done; measuring …"));
        break;
    case Stage::seen:
        text_->setText(seen_);
        break;
    case Stage::restoring:
    case Stage::away:
        break;
    }
    do_it_->setVisible(stage_ == Stage::asking);
    next_->setEnabled(stage_ == Stage::seen);
    next_->setText(step_ + 1 < static_cast<int>(tour_->steps.size()) ? tr("Next") : tr("Finish"));
    if (stage_ == Stage::seen) next_->setFocus(Qt::OtherFocusReason);
    place();
}

// In a corner of the window where it hides nothing of what it speaks of.
void TourGuide::place() {
    QWidget* const pointed = target();
    pointer_->point_at(pointed);
    setFixedHeight(std::max(sizeHint().height(), heightForWidth(width())));
    const QRect all = parentWidget()->rect().adjusted(gap, gap, -gap, -gap);
    const QRect avoided =
        pointed == nullptr ? QRect() : QRect(pointed->mapTo(parentWidget(), QPoint(0, 0)), pointed->size());
    const std::array corners{
        QPoint(all.right() - width(), all.bottom() - height()),
        QPoint(all.left(), all.bottom() - height()),
        QPoint(all.right() - width(), all.center().y() - height() / 2),
    };
    QPoint chosen = corners.front();
    for (const QPoint& corner : corners) {
        if (QRect(corner, size()).intersects(avoided)) continue;
        chosen = corner;
        break;
    }
    move(chosen);
    raise();
}

void TourGuide::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint_card(painter, rect(), palette(), true);
}

bool TourGuide::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize && tour_ != nullptr) place();
    return QFrame::eventFilter(watched, event);
}

} // namespace connscope::app
