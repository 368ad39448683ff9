// SPDX-License-Identifier: GPL-3.0-or-later
// The Compare page with real experiments, and its history with files that are whole, newer and damaged.
#include "cut_text.hpp"

#include "connscope/lab/report.hpp"
#include "models/heat_model.hpp"
#include "models/run_store.hpp"
#include "views/comparison_page.hpp"
#include "views/heat_table.hpp"
#include "views/report_pdf.hpp"
#include "views/svg_picture.hpp"
#include "window/theme.hpp"

#include <QCheckBox>
#include <QComboBox>
#include <QFile>
#include <QLineEdit>
#include <QProcess>
#include <QPushButton>
#include <QSignalSpy>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <memory>

using namespace connscope;
using namespace connscope::app;

namespace {

constexpr int patience = 60'000; // ms

lab::CellResult cell(const std::string& mode, const std::map<std::string, std::vector<double>>& figures) {
    lab::CellResult made;
    made.spec.mode = mode;
    made.spec.carrier = mode == "threads" ? "thread" : "coroutine";
    made.spec.conditions.connections = 1000;
    for (std::size_t i = 0; i < figures.begin()->second.size(); ++i) {
        lab::RoundRecord round;
        round.round = static_cast<int>(i);
        for (const auto& [id, values] : figures) round.values[id] = values[i];
        round.curves["latency_us"] = {{0.5, 100}, {0.9, 200}, {0.99, 5000}, {1, 9000}};
        made.add(round);
    }
    return made;
}

lab::Result result_of(std::vector<lab::CellResult> cells, const char* started = "2026-03-01 12:00 UTC") {
    lab::Result result;
    result.started = started;
    result.workload = "4,000 requests a second, http";
    result.rounds = 2;
    result.complete = true;
    result.cells = std::move(cells);
    return result;
}

const std::map<std::string, std::vector<double>> good{{"requests_per_s", {90'000, 91'000}}, {"memory_bytes", {1000, 1010}}};
const std::map<std::string, std::vector<double>> near{{"requests_per_s", {89'000, 90'500}}, {"memory_bytes", {1000, 1010}}};
const std::map<std::string, std::vector<double>> bad{{"requests_per_s", {40'000, 41'000}},
                                                     {"memory_bytes", {36'000, 36'100}}};

int row_of(const HeatModel& model, std::string_view id) {
    for (int row = 0; row < model.rowCount(); ++row)
        if (model.figure_at(row).id == id) return row;
    return -1;
}

} // namespace

class Comparison : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    QString file() const { return folder_->filePath(QStringLiteral("history/comparisons.sqlite")); }

    std::unique_ptr<ComparisonPage> page(RunStore& store) const {
        auto made = std::make_unique<ComparisonPage>(QStringLiteral(CONNSCOPE_BIN_FOLDER), store);
        made->resize(1280, 800);
        std::vector<ModeDescription> modes(2);
        modes[0].id = QStringLiteral("callbacks");
        modes[0].name = QStringLiteral("Callbacks");
        modes[1].id = QStringLiteral("thread-per-connection");
        modes[1].name = QStringLiteral("Thread per connection");
        made->show_modes(modes);
        made->add_arguments(
            {QStringLiteral("--stretch"), QStringLiteral("0.2"), QStringLiteral("--rounds"), QStringLiteral("2")});
        made->show();
        return made;
    }
    template <class Control>
    static Control* control(const ComparisonPage& page, const char* name) {
        return page.findChild<Control*>(QLatin1String(name));
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void a_run_is_kept_and_found_again() {
        {
            RunStore store(file());
            QVERIFY2(store.is_open(), qPrintable(store.problem()));
            const auto id = store.keep(result_of({cell("loop", good)}));
            QVERIFY(id.has_value());
            QVERIFY(store.keep(result_of({cell("loop", good), cell("threads", bad)}), id) == id);
            QVERIFY(store.keep(result_of({cell("loop", bad)}, "2026-03-02 12:00 UTC")).has_value());
        }
        RunStore store(file());
        const auto runs = store.runs();
        QCOMPARE(runs.size(), std::size_t{2});
        QCOMPARE(runs[0].started, QStringLiteral("2026-03-02 12:00 UTC"));
        QCOMPARE(runs[1].title, QStringLiteral("2 modes, 1,000 connections, 4,000 requests a second, http"));
        const auto result = store.result(runs[1].id);
        QVERIFY(static_cast<bool>(result));
        QCOMPARE(result->cells.size(), std::size_t{2});
        QCOMPARE(result->cells[1].figure("requests_per_s").spread->median, 40'500.0);
        QVERIFY(store.remove(runs[1].id));
        QVERIFY(!store.remove(runs[1].id));
        QVERIFY(!store.result(runs[1].id));
        QCOMPARE(store.runs().size(), std::size_t{1});
    }

    void a_history_of_a_newer_connscope_is_left_alone() {
        {
            RunStore store(file());
            QVERIFY(store.keep(result_of({cell("loop", good)})).has_value());
        }
        {
            QSqlDatabase newer = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("newer"));
            newer.setDatabaseName(file());
            QVERIFY(newer.open());
            QVERIFY(QSqlQuery(newer).exec(QStringLiteral("PRAGMA user_version=99")));
        }
        QSqlDatabase::removeDatabase(QStringLiteral("newer"));
        RunStore store(file());
        QVERIFY(!store.is_open());
        QVERIFY2(store.problem().contains(QStringLiteral("newer connscope")), qPrintable(store.problem()));
        QVERIFY(!store.keep(result_of({cell("loop", good)})).has_value());
        const auto shown = page(store);
        QVERIFY(control<QLabel>(*shown, "compare_state")->text().contains(QStringLiteral("newer connscope")));
    }

    void a_damaged_history_is_put_aside_and_a_new_one_begun() {
        QDir().mkpath(QFileInfo(file()).absolutePath());
        QFile damaged(file());
        QVERIFY(damaged.open(QIODevice::WriteOnly));
        damaged.write(QByteArray("SQLite format 3").append(5000, 'x'));
        damaged.close();
        RunStore store(file());
        QVERIFY(store.is_open());
        QVERIFY2(store.problem().contains(QStringLiteral("damaged")), qPrintable(store.problem()));
        QVERIFY(store.keep(result_of({cell("loop", good)})).has_value());
        const QStringList files = QFileInfo(file()).dir().entryList({QStringLiteral("*.damaged-*")});
        QCOMPARE(files.size(), 1);
    }

    void a_history_that_cannot_be_made_is_said_and_the_page_works_without() {
        RunStore store(QStringLiteral("/proc/nowhere/comparisons.sqlite"));
        QVERIFY(!store.is_open());
        QVERIFY(!store.problem().isEmpty());
        QVERIFY(page(store)->table().isVisible());
    }

    void the_table_tells_the_best_the_worst_and_noise() {
        HeatModel model;
        model.show_result(result_of({cell("loop", good), cell("near", near), cell("threads", bad)}));
        const int row = row_of(model, "requests_per_s");
        const auto at = [&](int column, int role) { return model.index(row, column).data(role); };
        QCOMPARE(at(0, Qt::DisplayRole).toString(), QStringLiteral("90,500/s"));
        QCOMPARE(at(0, HeatModel::share_role).toDouble(), 0.0);
        QCOMPARE(at(2, HeatModel::share_role).toDouble(), 1.0);
        QVERIFY(!at(0, HeatModel::noise_role).toBool());
        QVERIFY(at(1, HeatModel::noise_role).toBool());
        QVERIFY(!at(2, HeatModel::noise_role).toBool());
        const QModelIndex unknown = model.index(row_of(model, "fairness"), 0);
        QCOMPARE(unknown.data().toString(), QStringLiteral("–"));
        QVERIFY(!unknown.data(HeatModel::share_role).isValid());
    }

    void beside_another_run_the_table_tells_what_changed() {
        HeatModel model;
        model.show_result(result_of({cell("loop", bad), cell("near", near), cell("new", good)}));
        model.show_beside(result_of({cell("loop", good), cell("near", good)}));
        const int row = row_of(model, "requests_per_s");
        const auto at = [&](int column, int role) { return model.index(row, column).data(role); };
        QCOMPARE(at(0, Qt::DisplayRole).toString(), QStringLiteral("90,500/s → 40,500/s"));
        QCOMPARE(at(0, HeatModel::change_role).toInt(), 1);
        QCOMPARE(at(1, HeatModel::change_role).toInt(), 0);
        QVERIFY(at(1, HeatModel::noise_role).toBool());
        QCOMPARE(at(2, Qt::DisplayRole).toString(), QStringLiteral("90,500/s"));
        model.show_result(result_of({cell("loop", good)}));
        model.show_beside(result_of({cell("loop", bad)}));
        QCOMPARE(model.index(row, 0).data(HeatModel::change_role).toInt(), -1);
    }

    void a_run_fills_the_table_and_is_in_the_history() {
        RunStore store(file());
        const auto shown = page(store);
        QTest::keyClicks(control<QLineEdit>(*shown, "compare_connections"), QString());
        control<QLineEdit>(*shown, "compare_connections")->setText(QStringLiteral("50"));
        QSignalSpy measuring(shown.get(), &ComparisonPage::measuringChanged);
        QTest::mouseClick(control<QPushButton>(*shown, "compare_go"), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(shown->model().columnCount(), 2, patience);
        QVERIFY(shown->is_running());
        QCOMPARE(measuring.count(), 1);
        const int row = row_of(shown->model(), "requests_per_s");
        QTRY_VERIFY_WITH_TIMEOUT(shown->model().index(row, 0).data().toString() != QStringLiteral("–"), patience);
        picture(*shown, "running");
        // What there is so far is kept already.
        QCOMPARE(store.runs().size(), std::size_t{1});
        QVERIFY(!store.runs().front().complete);
        QTRY_VERIFY_WITH_TIMEOUT(!shown->is_running(), patience);
        QTRY_COMPARE(measuring.count(), 2);
        QVERIFY(store.runs().front().complete);
        for (int column = 0; column < 2; ++column)
            QVERIFY(shown->model().index(row, column).data().toString() != QStringLiteral("–"));
        shown->table().setCurrentIndex(shown->model().index(row, 1));
        QTRY_VERIFY(shown->findChild<SvgPicture*>(QStringLiteral("compare_curves"))->has_drawing());
        QVERIFY(shown->findChild<SvgPicture*>(QStringLiteral("compare_bars"))->has_drawing());
        QTRY_VERIFY(control<QLabel>(*shown, "compare_findings")->text().contains(QStringLiteral("thread-per-connection")));
        picture(*shown, "done");
        apply_theme(Theme::dark);
        picture(*shown, "dark");
        apply_theme(Theme::light);
    }

    void stopped_it_keeps_what_was_measured() {
        RunStore store(file());
        const auto shown = page(store);
        control<QLineEdit>(*shown, "compare_connections")->setText(QStringLiteral("50"));
        shown->start();
        const auto known = [&] {
            return shown->model().columnCount() > 0 &&
                   shown->model().index(row_of(shown->model(), "requests_per_s"), 0).data().toString() !=
                       QStringLiteral("–");
        };
        QTRY_VERIFY_WITH_TIMEOUT(known(), patience);
        QTest::mouseClick(control<QPushButton>(*shown, "compare_go"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!shown->is_running(), patience);
        QCOMPARE(store.runs().size(), std::size_t{1});
        QVERIFY(!store.runs().front().complete);
        QVERIFY(store.result(store.runs().front().id)->cells[0].figure("requests_per_s").known());
    }

    void what_cannot_be_compared_is_said() {
        RunStore store(file());
        const auto shown = page(store);
        control<QLineEdit>(*shown, "compare_connections")->setText(QStringLiteral("1"));
        shown->start();
        QTRY_VERIFY_WITH_TIMEOUT(!shown->is_running(), patience);
        QTRY_VERIFY(control<QLabel>(*shown, "compare_state")->text().contains(QStringLiteral("--connections 1")));
        QVERIFY(store.runs().empty());
    }

    void a_run_is_exported_and_imported() {
        RunStore store(file());
        QVERIFY(store.keep(result_of({cell("loop", good), cell("threads", bad)})).has_value());
        const auto shown = page(store);
        const auto path = [&](const char* name) { return folder_->filePath(QLatin1String(name)); };
        for (const char* name : {"a.html", "a.pdf", "a.csv", "a.json"}) QCOMPARE(shown->save_as(path(name)), QString());
        QVERIFY(shown->save_as(path("a.txt")).contains(QStringLiteral(".html")));
        QVERIFY(!shown->save_as(QStringLiteral("/proc/nowhere/a.json")).isEmpty());
        if (const QString pictures = qEnvironmentVariable("CONNSCOPE_PICTURES"); !pictures.isEmpty())
            QFile::copy(path("a.pdf"), pictures + QStringLiteral("/compare.pdf"));
        QFile pdf(path("a.pdf"));
        QVERIFY(pdf.open(QIODevice::ReadOnly));
        const QByteArray bytes = pdf.readAll();
        QVERIFY(bytes.startsWith("%PDF"));
        QVERIFY(bytes.count("/Type /Page\n") + bytes.count("/Type /Page ") >= 2);

        QCOMPARE(shown->import_file(path("a.json")), QString());
        QCOMPARE(store.runs().size(), std::size_t{2});
        QVERIFY(shown->import_file(path("a.csv")).contains(QStringLiteral("JSON")));
        QVERIFY(!shown->import_file(path("missing.json")).isEmpty());
        QCOMPARE(store.runs().size(), std::size_t{2});
        QTest::mouseClick(control<QPushButton>(*shown, "compare_delete"), Qt::LeftButton);
        QCOMPARE(store.runs().size(), std::size_t{1});
    }

    void no_text_is_cut_from_1280_by_720_on() {
        RunStore store(file());
        QVERIFY(store.keep(result_of({cell("loop", good), cell("threads", bad)})).has_value());
        const auto shown = page(store);
        for (const QSize& size : {QSize(1280, 720), QSize(1920, 1080), QSize(3840, 2160)}) {
            shown->resize(size);
            QTest::qWait(120);
            const QStringList cut = cut_texts(*shown);
            QVERIFY2(cut.isEmpty(), qPrintable(cut.join(QLatin1Char('\n'))));
        }
    }

private:
    // For whoever wants to look: CONNSCOPE_PICTURES names a folder.
    static void picture(ComparisonPage& page, const char* name) {
        const QString folder = qEnvironmentVariable("CONNSCOPE_PICTURES");
        if (folder.isEmpty()) return;
        QTest::qWait(200);
        page.grab().save(QStringLiteral("%1/compare-%2.png").arg(folder, QLatin1String(name)));
    }
};

QTEST_MAIN(Comparison)
#include "comparison.moc"
