// SPDX-License-Identifier: GPL-3.0-or-later
// The conversation: what its model makes of a transcript, and its page with a real server and real speakers.
#include "window_support.hpp"

#include "models/conversation.hpp"
#include "views/conversation_view.hpp"
#include "views/transcript_view.hpp"
#include "window/conversation_page.hpp"
#include "window/log_slider.hpp"

#include <QAction>
#include <QComboBox>
#include <QMenuBar>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>

using namespace connscope;
using namespace connscope::app;

namespace {

using Kind = TalkEvent::Kind;

TalkEvent happened(double at_s, std::uint64_t speaker, Kind kind, const char* word = "", int letters = 0) {
    static std::uint64_t number = 0;
    TalkEvent made;
    made.number = ++number;
    made.at_s = at_s;
    made.speaker = speaker;
    made.kind = kind;
    made.word = QString::fromUtf8(word);
    made.letters = letters;
    return made;
}

TalkReading reading(double now_s, std::vector<TalkEvent> events, std::uint64_t next, std::uint64_t lost = 0) {
    TalkReading made;
    made.now_s = now_s;
    made.word_us = 1e6;
    made.next = next;
    made.lost = lost;
    made.events = std::move(events);
    for (const auto& [id, name] : {std::pair{1, "Ada"}, std::pair{2, "Eve"}}) {
        TalkSpeaker speaker;
        speaker.connection = static_cast<std::uint64_t>(id);
        speaker.name = QString::fromUtf8(name);
        speaker.state = TalkSpeaker::State::speaking;
        made.speakers.push_back(speaker);
    }
    return made;
}

QStringList told(const Conversation& conversation) {
    QStringList rows;
    for (const TalkRow& row : conversation.rows())
        rows << (row.name + QStringLiteral(": ") + row.text + QLatin1Char(' ') + mark_text(row)).simplified();
    return rows;
}

} // namespace

class ConversationTest : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;
    ConversationPage* page_ = nullptr;

    template <class Control>
    Control* control(const char* name) {
        auto* found = page_->findChild<Control*>(QLatin1String(name));
        if (found == nullptr) qFatal("no control called %s", name);
        return found;
    }
    void click(const char* name) { QTest::mouseClick(control<QPushButton>(name), Qt::LeftButton); }
    bool has_speakers(const QStringList& names) const {
        QStringList here;
        for (const TalkLane& lane : page_->conversation().lanes()) {
            if (lane.is_here) here << lane.speaker.name;
        }
        here.sort();
        return here == names;
    }
    int rows_with(TalkRow::Mark mark, const QString& name) const {
        int found = 0;
        for (const TalkRow& row : page_->conversation().rows()) found += row.mark == mark && row.name == name ? 1 : 0;
        return found;
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }

    void an_interruption_that_is_told_late_stands_where_it_belongs() {
        Conversation conversation;
        TalkEvent next = happened(10.5, 2, Kind::next, "everybody", 5);
        next.next_for = 1;
        TalkEvent resumes = happened(11.5, 2, Kind::resumes, "everybody", 5);
        resumes.waited_s = 1;
        conversation.take(reading(12,
                                  {happened(10, 2, Kind::word, "everybody"), happened(10.6, 1, Kind::word, "me"),
                                   happened(11.4, 1, Kind::yields), next, resumes, happened(11.9, 2, Kind::ends)},
                                  6));
        QCOMPARE(told(conversation), (QStringList{QStringLiteral("Eve: every— NEXT! Ada"), QStringLiteral("Ada: me YIELD"),
                                                  QStringLiteral("Eve: …body end of the line")}));
        QCOMPARE(conversation.rows()[2].waited_s, 1.0);
        const auto& stretches = conversation.lanes()[1].stretches;
        QCOMPARE(stretches.size(), std::size_t{3});
        QCOMPARE(stretches[1].kind, TalkStretch::Kind::interrupted);
        QCOMPARE(stretches[1].next_for, std::uint64_t{1});
        QCOMPARE(stretches[2].end_s, 11.9);
        QVERIFY(!stretches[2].is_open);
    }

    void a_turn_that_ends_in_mid_word_and_one_between_words_are_told_apart() {
        Conversation conversation;
        conversation.take(reading(20,
                                  {happened(10, 1, Kind::word, "alpha"), happened(11, 1, Kind::yields, "alpha", 2),
                                   happened(12, 1, Kind::turn, "alpha", 2), happened(13, 1, Kind::yields),
                                   happened(14, 1, Kind::turn), happened(14, 1, Kind::word, "beta")},
                                  6));
        QCOMPARE(told(conversation), (QStringList{QStringLiteral("Ada: al— YIELD"), QStringLiteral("Ada: …pha YIELD")}));
        QVERIFY(conversation.lanes()[0].stretches.back().is_open);
        QCOMPARE(conversation.lanes()[0].stretches.back().end_s, 20.0);
    }

    void what_was_lost_is_counted_and_another_server_begins_anew() {
        Conversation conversation;
        conversation.take(reading(1, {happened(0.5, 1, Kind::word, "a")}, 100));
        conversation.take(reading(2, {happened(1.5, 1, Kind::yields)}, 400, 250));
        QCOMPARE(conversation.lost(), std::uint64_t{250});
        QVERIFY(!conversation.lanes()[0].stretches.front().is_open);
        conversation.take(reading(3, {}, 5));
        QCOMPARE(conversation.lost(), std::uint64_t{0});
        QVERIFY(conversation.rows().empty());
    }

    void a_long_conversation_keeps_within_its_bounds() {
        Conversation conversation;
        std::vector<TalkEvent> events;
        for (int i = 0; i < 20'000; ++i) {
            events.push_back(happened(i, 1, Kind::word, "w"));
            events.push_back(happened(i + 0.5, 1, Kind::yields));
        }
        conversation.take(reading(20'000, std::move(events), 40'000));
        QVERIFY(conversation.rows().size() <= Conversation::most_rows);
        QVERIFY(conversation.lanes()[0].stretches.size() <= Conversation::most_stretches);
        QVERIFY(conversation.text(QStringLiteral("x")).count(QLatin1Char('\n')) <=
                static_cast<int>(Conversation::most_rows) + 1);
    }

    void the_menu_opens_it_and_says_that_nobody_talks_yet() {
        window_ = shown_window(small_plan(QStringLiteral("active:10,rate=100,payload=64")));
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 10), patience);
        auto* action = window_->menus().parent()->findChild<QAction*>(QStringLiteral("action_conversation"));
        QVERIFY(action != nullptr);
        action->trigger();
        page_ = window_->conversation();
        QVERIFY(page_ != nullptr);
        QVERIFY(page_->isVisible());
        QVERIFY(!control<QPushButton>("talk_end")->isEnabled());
        QVERIFY(page_->conversation().lanes().empty());
    }

    void a_preset_starts_the_server_anew_with_speakers() {
        click("talk-one-never-yields");
        QTRY_VERIFY_WITH_TIMEOUT(
            has_speakers({QStringLiteral("Ada"), QStringLiteral("Ben"), QStringLiteral("Cleo"), QStringLiteral("Eve")}),
            patience);
        QVERIFY(control<QPushButton>("talk-one-never-yields")->isChecked());
        page_->set_word_time(4000);
        QTRY_COMPARE_WITH_TIMEOUT(page_->conversation().word_us(), 4000.0, patience);
        QTRY_VERIFY_WITH_TIMEOUT(rows_with(TalkRow::Mark::yield, QStringLiteral("Ada")) > 2, patience);
        QTRY_VERIFY_WITH_TIMEOUT(rows_with(TalkRow::Mark::end, QStringLiteral("Eve")) > 0, patience);
        for (const TalkRow& row : page_->conversation().rows()) {
            if (row.name == QLatin1String("Eve"))
                QVERIFY2(row.next_for.isEmpty(), "nobody takes the word from her where the program schedules");
        }
    }

    void in_another_mode_she_is_interrupted_in_mid_word() {
        auto* mode = control<QComboBox>("talk_mode");
        const int preemptive = mode->findData(QStringLiteral("preemptive-fibers"));
        QVERIFY(preemptive >= 0);
        mode->setCurrentIndex(preemptive);
        emit mode->activated(preemptive);
        QTRY_COMPARE_WITH_TIMEOUT(window_->session().mode(), QStringLiteral("preemptive-fibers"), patience);
        QTRY_VERIFY_WITH_TIMEOUT(rows_with(TalkRow::Mark::next, QStringLiteral("Eve")) > 2, patience);
        QTRY_VERIFY(control<QComboBox>("talk_slice")->isVisible());
        auto* slice = control<QComboBox>("talk_slice");
        const int longer = slice->findData(4000);
        slice->setCurrentIndex(longer);
        emit slice->activated(longer);
        QTRY_COMPARE_WITH_TIMEOUT(window_->session().mode_parameters().slice_us, 4000, patience);
    }

    void the_transcript_is_saved_as_text() {
        const QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("talk.txt"));
        QCOMPARE(page_->save_as(file), QString());
        QFile saved(file);
        QVERIFY(saved.open(QIODevice::ReadOnly));
        const QString text = QString::fromUtf8(saved.readAll());
        QVERIFY(text.startsWith(QStringLiteral("connscope: Conversation: one never yields, in the mode preemptive-fibers")));
        QVERIFY(text.contains(QStringLiteral("NEXT! ")));
        QVERIFY(text.contains(QStringLiteral("YIELD")));
        QVERIFY(!page_->save_as(folder.filePath(QStringLiteral("no/such/folder.txt"))).isEmpty());
        click("talk_save");
        auto* dialog = page_->findChild<QWidget*>(QStringLiteral("transcript_dialog"));
        QVERIFY(dialog != nullptr);
        dialog->close();
    }

    void every_preset_brings_its_speakers_and_the_speed_goes_from_slow_to_full() {
        for (const char* preset : {"talk-too-short-turns", "talk-too-long-turns", "talk-everybody-yields"}) {
            click(preset);
            QTRY_VERIFY_WITH_TIMEOUT(
                has_speakers({QStringLiteral("Ada"), QStringLiteral("Ben"), QStringLiteral("Cleo"), QStringLiteral("Dan")}),
                patience);
            const double since = page_->conversation().now_s();
            QTRY_VERIFY_WITH_TIMEOUT(
                !page_->conversation().rows().empty() && page_->conversation().rows().back().begin_s > since, patience);
        }
        auto* speed = control<LogSlider>("talk_speed");
        speed->slider().setValue(speed->slider().maximum());
        QTRY_COMPARE_WITH_TIMEOUT(page_->conversation().word_us(), 20.0, patience);
        QTRY_VERIFY_WITH_TIMEOUT(page_->conversation().lost() > 0, patience);
        speed->slider().setValue(speed->slider().minimum());
        QTRY_COMPARE_WITH_TIMEOUT(page_->conversation().word_us(), 1'000'000.0, patience);
        click("talk-one-is-interrupted");
        QTRY_VERIFY_WITH_TIMEOUT(has_speakers({QStringLiteral("Ada"), QStringLiteral("Eve")}), patience);
    }

    void a_pause_stops_the_view_and_not_the_speakers() {
        page_->set_word_time(5000);
        QTRY_COMPARE_WITH_TIMEOUT(page_->conversation().word_us(), 5000.0, patience);
        click("talk_pause");
        const std::uint64_t next = page_->conversation().next();
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 2), patience);
        QTest::qWait(150); // three looks that do not happen
        QVERIFY(page_->conversation().next() <= next + 2000);
        const std::uint64_t stands = page_->conversation().next();
        click("talk_pause");
        QTRY_VERIFY_WITH_TIMEOUT(page_->conversation().next() > stands, patience);
    }

    void both_themes_and_a_small_window_show_it_whole() {
        for (const Theme theme : {Theme::dark, Theme::light}) {
            apply_theme(theme);
            for (const QSize size : {QSize(720, 520), QSize(1600, 1000)}) {
                page_->resize(size);
                const QPixmap picture = page_->grab();
                QVERIFY(!picture.isNull());
            }
        }
    }

    void at_its_end_the_clients_that_were_there_before_come_back() {
        click("talk_end");
        QTRY_COMPARE_WITH_TIMEOUT(window_->session().plan().protocol, QStringLiteral("http"), patience);
        QTRY_VERIFY_WITH_TIMEOUT(window_->session().server().alive() && window_->session().load().alive() &&
                                     has_connections(*window_, 10),
                                 patience);
        QVERIFY(!control<QPushButton>("talk_end")->isEnabled());
    }

    void a_server_that_is_gone_is_said_to_be() {
        click("talk-everybody-yields");
        QTRY_VERIFY_WITH_TIMEOUT(page_->conversation().lanes().size() >= 4, patience);
        send_signal(window_->session().server().pid, SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->session().server().alive(), patience);
        QVERIFY(!control<QComboBox>("talk_mode")->isEnabled());
        window_.reset();
    }

    void speed_and_size_are_as_they_were_last() {
        constexpr QSize size(1010, 640);
        for (const bool again : {false, true}) {
            auto window = shown_window(small_plan(), {1440, 900}, true);
            window->showConversation();
            ConversationPage& page = *window->conversation();
            if (again) {
                QCOMPARE(page.word_time_us(), 5000.0);
                QCOMPARE(page.findChild<LogSlider*>(QStringLiteral("talk_speed"))->value(), 200.0);
                QCOMPARE(page.size(), size);
            } else {
                page.set_word_time(5000);
                page.resize(size);
            }
            window->close();
        }
        QSettings().remove(QStringLiteral("talk"));
    }
};

QTEST_MAIN(ConversationTest)
#include "conversation.moc"
