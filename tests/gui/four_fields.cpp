// SPDX-License-Identifier: GPL-3.0-or-later
// Which field a mode stands in, where its figures come from, and the page with a real server.
#include "window_support.hpp"

#include "models/format.hpp"
#include "models/four_fields.hpp"
#include "models/run_store.hpp"
#include "views/four_fields_view.hpp"
#include "window/four_fields_page.hpp"

#include <QComboBox>
#include <QTemporaryDir>

using namespace connscope;
using namespace connscope::app;

namespace {

ModeDescription mode(const char* id, const char* carrier, ModeDescription::Scheduling scheduling, bool has_slice = false) {
    ModeDescription made;
    made.id = made.name = QString::fromLatin1(id);
    made.carrier = QString::fromLatin1(carrier);
    made.scheduling = scheduling;
    made.has_slice = has_slice;
    return made;
}

using Scheduling = ModeDescription::Scheduling;
const std::vector<ModeDescription> modes{
    mode("coroutines", "coroutine", Scheduling::program),
    mode("preemptive-fibers", "fiber", Scheduling::program, true),
    mode("cooperative-threads", "thread", Scheduling::program),
    mode("thread-per-connection", "thread", Scheduling::kernel),
    mode("process-per-connection", "process", Scheduling::kernel),
    mode("loop-per-core", "coroutine", Scheduling::both),
};

QStringList ids(const Field& field) {
    QStringList found;
    for (const FieldMode& each : field.modes) found << each.id;
    return found;
}

lab::CellResult cell(const std::string& id, const std::map<std::string, std::vector<double>>& figures) {
    lab::CellResult made;
    made.spec.mode = id;
    lab::RoundRecord round;
    for (const auto& [figure, values] : figures) round.values[figure] = values.front();
    made.add(round);
    return made;
}

} // namespace

class FourFields : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }

    void a_mode_stands_where_its_own_words_say() {
        const auto fields = four_fields(modes, QStringLiteral("coroutines"), nullptr, History());
        QCOMPARE(ids(fields[0]), (QStringList{QStringLiteral("coroutines"), QStringLiteral("loop-per-core")}));
        QCOMPARE(ids(fields[1]), QStringList{QStringLiteral("preemptive-fibers")});
        QCOMPARE(ids(fields[2]), QStringList{QStringLiteral("cooperative-threads")});
        QCOMPARE(ids(fields[3]),
                 (QStringList{QStringLiteral("thread-per-connection"), QStringLiteral("process-per-connection")}));
        QVERIFY(fields[0].modes[0].is_current);
        QVERIFY(fields[0].modes[1].by_both);
        QVERIFY(fields[1].is_preemptive && !fields[1].in_kernel);
    }

    void a_budget_of_its_own_makes_no_mode_preemptive() {
        ModeDescription budget = mode("coroutines", "coroutine", Scheduling::program, true);
        budget.slices = QStringLiteral("budget");
        QVERIFY(!is_preemptive(budget));
        budget.slices = QStringLiteral("timer");
        QVERIFY(is_preemptive(budget));
        budget.scheduling = Scheduling::kernel;
        budget.slices = QStringLiteral("scheduler");
        QVERIFY(is_preemptive(budget));
    }

    void a_comparison_gives_the_figures_and_says_what_it_lacks() {
        lab::Result result;
        result.cells = {cell("coroutines", {{"memory_bytes", {2048}}, {"hog_damage_us", {146'000}}})};
        const auto fields = four_fields(modes, {}, &result, History());
        const auto& figures = fields[0].modes[0].figures;
        QCOMPARE(figures[0].text, QStringLiteral("2 KiB"));
        QCOMPARE(figures[3].text, QStringLiteral("146 ms"));
        QCOMPARE(figures[1].text, QStringLiteral("–"));
        QVERIFY(!figures[1].reason.isEmpty());
        QVERIFY2(fields[1].modes[0].figures[0].reason.contains(QStringLiteral("left this mode out")),
                 qPrintable(fields[1].modes[0].figures[0].reason));
    }

    void live_figures_are_those_of_the_time_in_which_a_mode_had_the_connections() {
        History history;
        const auto samples = [&](double from, double to, double bytes) {
            for (double time = from; time < to; time += 0.1) {
                Sample sample;
                sample.time = time;
                sample[Quantity::bytes_per_connection] = bytes;
                history.append(sample);
            }
        };
        history.mark({0, Mark::Kind::server_started, {}, QStringLiteral("coroutines")});
        samples(0.1, 4, 2048);
        history.mark({4, Mark::Kind::mode_change, {}, QStringLiteral("thread-per-connection")});
        samples(4, 8, 36'864);
        const auto fields = four_fields(modes, {}, nullptr, history);
        QCOMPARE(fields[0].modes[0].figures[0].text, bytes_text(2048));
        QCOMPARE(fields[3].modes[0].figures[0].text, bytes_text(36'864));
        QVERIFY(fields[3].modes[1].figures[0].reason.contains(QStringLiteral("press its button")));
        QVERIFY(fields[0].modes[0].figures[3].reason.contains(QStringLiteral("comparison")));
    }

    void the_page_shows_every_mode_of_a_real_server_in_both_themes() {
        const auto window = shown_window(small_plan());
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window, 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window->session().modes().empty(), patience);
        auto* action = window->findChild<QAction*>(QStringLiteral("action_four_fields"));
        QVERIFY(action != nullptr);
        action->trigger();
        FourFieldsPage* page = window->four_fields();
        QVERIFY(page != nullptr && page->isVisible());
        for (const QSize size : {QSize(960, 540), QSize(1600, 900)}) {
            page->resize(size.expandedTo(page->minimumSizeHint()));
            QCoreApplication::processEvents();
            std::vector<QRect> places;
            for (const ModeDescription& each : window->session().modes()) {
                const QRect place = page->view().place_of(each.id);
                QVERIFY2(!place.isEmpty() && page->view().rect().contains(place), qPrintable(each.id));
                for (const QRect& other : places) QVERIFY2(!other.intersects(place), qPrintable(each.id));
                places.push_back(place);
            }
        }
        auto* source = page->findChild<QComboBox*>(QStringLiteral("four_fields_source"));
        QVERIFY(source != nullptr && source->count() >= 1);
        source->setCurrentIndex(source->count() - 1);
        emit source->activated(source->currentIndex());
        QTRY_VERIFY_WITH_TIMEOUT(
            [&] {
                page->refresh();
                for (const Field& field : page->view().fields())
                    for (const FieldMode& each : field.modes)
                        if (each.is_current && each.figures[0].reason.isEmpty()) return true;
                return false;
            }(),
            patience);
        apply_theme(Theme::dark);
        QVERIFY(!page->grab().isNull());
        apply_theme(Theme::light);
    }
};

QTEST_MAIN(FourFields)
#include "four_fields.moc"
