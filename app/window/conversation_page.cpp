// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/conversation_page.hpp"

#include "models/format.hpp"
#include "models/saved_file.hpp"
#include "views/card.hpp"
#include "views/conversation_view.hpp"
#include "views/named.hpp"
#include "views/transcript_view.hpp"
#include "window/flow_layout.hpp"
#include "window/log_slider.hpp"

#include <QButtonGroup>
#include <QComboBox>
#include <QDateTime>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QPushButton>
#include <QSettings>
#include <QSplitter>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

namespace connscope::app {

namespace {

const QString protocol = QStringLiteral("talk");
const QString word_key = QStringLiteral("talk/word_us");
const QString split_key = QStringLiteral("talk/split");
const QString place_key = QStringLiteral("talk/geometry");
constexpr int look_interval = 50;        // ms
constexpr qint64 longest_hurry = 3000;   // ms
constexpr std::int64_t page_size = 2000; // entries of one look
constexpr double least_words_per_s = 1;
constexpr double most_words_per_s = 50'000;
constexpr double shortest_word_us = 10;
constexpr double longest_word_us = 1'000'000;
constexpr std::array slices_us{200, 1000, 4000, 20'000, 100'000};

// 0: as the mode has it by itself.
QString slice_text(int us) {
    return us == 0 ? ConversationPage::tr("slice: auto") : ConversationPage::tr("slice %1").arg(duration_text(us / 1e6));
}

} // namespace

ConversationPage::ConversationPage(Session& session, bool remembers, QWidget* parent)
    : QWidget(parent, Qt::Window)
    , session_(session)
    , remembers_(remembers) {
    setObjectName(QStringLiteral("conversation_page"));
    setWindowTitle(tr("connscope: conversation"));
    setAutoFillBackground(true);
    for (Workload& workload : workloads_in(workloads_folder(session_.plan().companions_folder))) {
        if (workload.protocol == protocol) presets_.push_back(std::move(workload));
    }
    explains_ = new ElidedLine(Qt::AlignLeft, this);
    explains_->setObjectName(QStringLiteral("talk_explains"));
    state_ = new ElidedLine(Qt::AlignLeft, this);
    state_->setObjectName(QStringLiteral("talk_state"));
    view_ = new ConversationView(conversation_, this);
    transcript_ = new TranscriptView(conversation_, this);

    auto* view_card = new Card(this);
    auto* view_box = new QVBoxLayout(view_card);
    view_box->setContentsMargins(4, 4, 4, 4);
    view_box->addWidget(view_);
    auto* transcript_card = new Card(this);
    auto* transcript_box = new QVBoxLayout(transcript_card);
    transcript_box->setContentsMargins(8, 8, 4, 8);
    transcript_box->addWidget(transcript_);
    split_ = new QSplitter(Qt::Vertical, this);
    split_->addWidget(view_card);
    split_->addWidget(transcript_card);
    split_->setSizes({340, 300});
    split_->setChildrenCollapsible(false);
    if (remembers_) {
        const QSettings settings;
        bool is_number = false;
        const double word_us = settings.value(word_key).toDouble(&is_number);
        if (is_number) word_us_ = std::clamp(word_us, shortest_word_us, longest_word_us);
        split_->restoreState(settings.value(split_key).toByteArray());
    }
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(12, 10, 12, 10);
    all->setSpacing(8);
    all->addWidget(make_presets());
    all->addWidget(explains_);
    all->addWidget(make_controls());
    all->addWidget(split_, 1);
    all->addWidget(state_);

    look_timer_.setInterval(look_interval);
    connect(&look_timer_, &QTimer::timeout, this, &ConversationPage::look);
    connect(&session_, &Session::serverChanged, this, &ConversationPage::server_changed);
    connect(&session_, &Session::modesChanged, this, &ConversationPage::show_modes);
    connect(&session_, &Session::modeChanged, this, &ConversationPage::show_mode);
    connect(&session_, &Session::modeChangeBegan, this, &ConversationPage::show_mode);
    connect(&session_, &Session::modeChangeRefused, this, [this](const QString&, const QString& reason) {
        problem_ = reason;
        show_mode();
        show_state();
    });
    connect(&session_, &Session::modeParametersChanged, this, &ConversationPage::show_mode);
    connect(&session_, &Session::loadRefused, this, [this](const QString& reason) {
        problem_ = reason;
        show_state();
    });
    show_modes();
    server_changed();
    look_timer_.start();
}

ConversationPage::~ConversationPage() {
    if (remembers_) {
        QSettings settings;
        settings.setValue(word_key, word_us_);
        settings.setValue(split_key, split_->saveState());
        settings.setValue(place_key, saveGeometry());
    }
    session_.disconnect(this);
    qDeleteAll(findChildren<QWidget*>(Qt::FindDirectChildrenOnly)); // the views go before what they show
}

bool ConversationPage::restore_place() { return remembers_ && restoreGeometry(QSettings().value(place_key).toByteArray()); }

QWidget* ConversationPage::make_presets() {
    auto* row = new QWidget(this);
    auto* flow = new FlowLayout(10, 6, row);
    flow->addWidget(new ScaledLabel(tr("Conversation"), 1.5, QFont::Bold, row));
    for (const Workload& preset : presets_) {
        QString title = preset.title.section(QLatin1String(": "), 1);
        if (title.isEmpty()) title = preset.title;
        title[0] = title[0].toUpper();
        auto* button = named(new QPushButton(title, row), qPrintable(preset.id), title, preset.explains);
        button->setCheckable(true);
        connect(button, &QPushButton::clicked, this, [this, id = preset.id] { begin(id); });
        preset_buttons_.push_back(button);
        flow->addWidget(button);
    }
    return row;
}

QWidget* ConversationPage::make_controls() {
    auto* row = new QWidget(this);
    auto* flow = new FlowLayout(10, 6, row);
    mode_ = named(new QComboBox(row), "talk_mode", tr("Mode of the server"),
                  tr("Who decides who speaks: the speakers stay connected when it changes, and go on where they were."));
    slice_ = named(new QComboBox(row), "talk_slice", tr("Slice"),
                   tr("How long one may speak before the timer says NEXT! It makes the mode anew; all stay connected."));
    for (const int us : slices_us) slice_->addItem(slice_text(us), us);
    speed_ = new LogSlider(QStringLiteral("talk_speed"), tr("Words a second"), least_words_per_s, most_words_per_s, {},
                           tr("How fast they speak, from slow motion to full speed. A word is so much CPU time, so at any "
                              "speed one who speaks keeps a CPU busy."),
                           row);
    pause_ = named(new QPushButton(tr("Pause"), row), "talk_pause", tr("Pause the view"),
                   tr("They go on speaking; what is shown stands still."));
    pause_->setCheckable(true);
    save_ = named(new QPushButton(tr("Save the transcript …"), row), "talk_save", tr("Save the transcript"),
                  tr("As text, a line for each time that somebody had the word."));
    end_ = named(new QPushButton(tr("End the conversation"), row), "talk_end", tr("End the conversation"),
                 tr("The clients that were there before come back."));
    for (QWidget* widget : std::initializer_list<QWidget*>{mode_, slice_, speed_, pause_, save_, end_})
        flow->addWidget(widget);
    connect(mode_, &QComboBox::activated, this, [this] { session_.changeMode(mode_->currentData().toString()); });
    connect(slice_, &QComboBox::activated, this, [this] {
        ModeParameters wanted = session_.mode_parameters();
        wanted.slice_us = slice_->currentData().toInt();
        session_.changeParameters(wanted);
    });
    connect(speed_, &LogSlider::valueWanted, this, [this](double words) { set_word_time(1e6 / std::max(words, 1.0)); });
    connect(save_, &QPushButton::clicked, this, &ConversationPage::choose_file_to_save);
    connect(end_, &QPushButton::clicked, this, &ConversationPage::end);
    speed_->show_value(1e6 / word_us_);
    return row;
}

bool ConversationPage::talks() const { return session_.plan().protocol == protocol; }

void ConversationPage::begin(const QString& preset) {
    const auto found =
        std::find_if(presets_.begin(), presets_.end(), [&](const Workload& workload) { return workload.id == preset; });
    if (found == presets_.end()) return;
    if (!talks()) before_ = Before{session_.plan().protocol, session_.plan().populations, {}};
    problem_.clear();
    preset_ = preset;
    const bool other_mode = !found->mode.isEmpty() && found->mode != session_.mode();
    if (other_mode && before_ && before_->mode.isEmpty()) before_->mode = session_.mode();
    wanted_mode_ = other_mode ? found->mode : QString();
    const bool restarts = !talks();
    if (!restarts) hurry();
    session_.setWorkload(protocol, found->populations);
    if (!restarts && !wanted_mode_.isEmpty()) session_.changeMode(std::exchange(wanted_mode_, QString()));
    show_state();
}

void ConversationPage::end() {
    if (!before_) return;
    const Before before = *std::exchange(before_, std::nullopt);
    preset_.clear();
    hurry();
    wanted_mode_ = before.mode;
    session_.setWorkload(before.protocol, before.populations);
    show_state();
}

// Clients leave when their lines are said: nobody should wait for the end of a slow one.
void ConversationPage::hurry() {
    hurries_ = true;
    hurries_since_.start();
    send_speed(shortest_word_us);
}

// Whoever the preset names is in the room, and nobody else.
bool ConversationPage::speakers_are_there() const {
    const auto found =
        std::find_if(presets_.begin(), presets_.end(), [&](const Workload& workload) { return workload.id == preset_; });
    if (found == presets_.end()) return true;
    QStringList wanted;
    for (const QString& text : found->populations) {
        if (const auto population = parse_population(text)) wanted << population->name;
    }
    QStringList here;
    for (const TalkLane& lane : conversation_.lanes()) {
        if (lane.is_here) here << lane.speaker.name;
    }
    wanted.sort();
    here.sort();
    return wanted == here;
}

void ConversationPage::set_word_time(double word_us) {
    word_us_ = std::clamp(word_us, shortest_word_us, longest_word_us);
    speed_->show_value(1e6 / word_us_);
    speed_is_new_ = true;
}

void ConversationPage::show_modes() {
    mode_->clear();
    for (const ModeDescription& mode : session_.modes()) {
        mode_->addItem(mode.name, mode.id);
        mode_->setItemData(mode_->count() - 1, mode.hint, Qt::ToolTipRole);
    }
    mode_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    show_mode();
}

void ConversationPage::show_mode() {
    const bool usable = session_.server().alive() && !session_.mode_is_changing();
    mode_->setEnabled(usable);
    slice_->setEnabled(usable);
    if (const int index = mode_->findData(session_.mode()); index >= 0) mode_->setCurrentIndex(index);
    const auto& modes = session_.modes();
    const auto mode = std::find_if(modes.begin(), modes.end(), [&](const auto& each) { return each.id == session_.mode(); });
    slice_->setVisible(mode != modes.end() && mode->has_slice);
    const int slice_us = session_.mode_parameters().slice_us;
    if (slice_->findData(slice_us) < 0) slice_->addItem(slice_text(slice_us), slice_us);
    slice_->setCurrentIndex(slice_->findData(slice_us));
}

void ConversationPage::server_changed() {
    const ProcessStatus& server = session_.server();
    if (server.phase == ProcessStatus::Phase::running && server.pid != server_pid_) {
        server_pid_ = server.pid;
        conversation_.clear();
        problem_.clear();
        hurries_ = false;
        speed_is_new_ = true; // it begins with a speed of its own
        if (!wanted_mode_.isEmpty()) session_.changeMode(std::exchange(wanted_mode_, QString()));
    }
    show_mode();
    show_state();
}

void ConversationPage::show_state() {
    for (std::size_t i = 0; i < presets_.size(); ++i) preset_buttons_[i]->setChecked(talks() && presets_[i].id == preset_);
    end_->setEnabled(before_.has_value());
    save_->setEnabled(!conversation_.rows().empty());
    const auto preset =
        std::find_if(presets_.begin(), presets_.end(), [&](const Workload& workload) { return workload.id == preset_; });
    explains_->show_text(talks() && preset != presets_.end()
                             ? preset->explains
                             : tr("Each connection is a speaker and the server is the room. Choose who speaks: the server "
                                  "then starts anew, with speakers in place of the clients that are there now."));
    QString text;
    if (!problem_.isEmpty()) {
        text = problem_;
    } else if (!session_.server().alive()) {
        text = session_.server().phase == ProcessStatus::Phase::starting
                   ? tr("The server is starting.")
                   : tr("The server is not running: %1").arg(session_.server().reason);
    } else if (!talks()) {
        text = tr("The server speaks %1 now.").arg(session_.plan().protocol);
    } else if (hurries_) {
        text = tr("Those who go say the rest of their lines quickly …");
    } else {
        text = tr("More speakers: nc %1")
                   .arg(session_.server().address.section(QLatin1Char(':'), 0, 0) + QLatin1Char(' ') +
                        session_.server().address.section(QLatin1Char(':'), -1));
        if (conversation_.lost() > 0)
            text += tr(". Faster than it can be read: %1 things that happened are not shown")
                        .arg(count_text(static_cast<double>(conversation_.lost())));
    }
    state_->show_text(text);
}

// Asks for what was said since the last look.
void ConversationPage::look() {
    if (!isVisible() || asking_ || !talks() || session_.server().phase != ProcessStatus::Phase::running) return;
    if (speed_is_new_ && !hurries_) {
        speed_is_new_ = false;
        send_speed(word_us_);
        return;
    }
    if (pause_->isChecked() && !hurries_) return;
    asking_ = true;
    session_.call(Session::Target::server, "talk_transcript",
                  {{"after", conversation_.next()}, {"limit", page_size}, {"newest", true}},
                  [this, pid = server_pid_](const telemetry::Outcome<boost::json::value>& answer) {
                      asking_ = false;
                      if (pid != server_pid_) return; // another server by now
                      if (!answer) {
                          problem_ = QString::fromStdString(answer.error().text);
                      } else if (const auto reading = talk_reading_of(*answer)) {
                          problem_.clear();
                          conversation_.take(*reading);
                          if (hurries_ && (speakers_are_there() || hurries_since_.elapsed() > longest_hurry)) {
                              hurries_ = false;
                              speed_is_new_ = true;
                              conversation_.begin_anew();
                          }
                          view_->update();
                          transcript_->refresh();
                      }
                      show_state();
                  });
}

void ConversationPage::send_speed(double word_us) {
    session_.call(Session::Target::server, "set_talk", {{"word_us", static_cast<std::int64_t>(word_us)}},
                  [this](const telemetry::Outcome<boost::json::value>& answer) {
                      problem_ = answer ? QString() : QString::fromStdString(answer.error().text);
                      show_state();
                  });
}

void ConversationPage::showEvent(QShowEvent*) { show_state(); }

QString ConversationPage::save_as(const QString& file) const {
    const auto preset =
        std::find_if(presets_.begin(), presets_.end(), [&](const Workload& workload) { return workload.id == preset_; });
    const QString heading =
        tr("connscope: %1, in the mode %2, a word takes %3 of CPU time, %4")
            .arg(preset == presets_.end() ? tr("Conversation") : preset->title, session_.mode(),
                 duration_text(conversation_.word_us() / 1e6), QDateTime::currentDateTime().toString(Qt::ISODate));
    return save_file(file, conversation_.text(heading).toUtf8());
}

void ConversationPage::choose_file_to_save() {
    auto* dialog = new QFileDialog(this, tr("Save the transcript"), QString(), tr("Text (*.txt)"));
    dialog->setObjectName(QStringLiteral("transcript_dialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("txt"));
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        problem_ = save_as(file);
        show_state();
        if (problem_.isEmpty()) state_->show_text(tr("saved %1").arg(file));
    });
    dialog->open();
}

} // namespace connscope::app
