// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/population_model.hpp"

#include "models/format.hpp"
#include "models/quantity.hpp"

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr std::chrono::milliseconds settles_after{1000}; // after an edit
constexpr std::chrono::milliseconds counted_over{1000};

const QString rate_key = QStringLiteral("rate");
const QString payload_key = QStringLiteral("payload");
const QString path_key = QStringLiteral("path");

} // namespace

QStringList PopulationModel::kinds(const QString& protocol) {
    if (protocol == QLatin1String("talk")) return {QStringLiteral("speaker"), QStringLiteral("idle")};
    QStringList kinds{QStringLiteral("active"), QStringLiteral("idle"), QStringLiteral("slow-reader"),
                      QStringLiteral("slow-sender"), QStringLiteral("churn")};
    if (protocol == QLatin1String("http")) kinds << QStringLiteral("hog"); // an echo never computes
    return kinds;
}

bool PopulationModel::has_rate(const QString& kind) {
    return kind == QLatin1String("active") || kind == QLatin1String("churn") || kind == QLatin1String("hog");
}

bool PopulationModel::has_payload(const QString& kind) {
    return kind != QLatin1String("idle") && kind != QLatin1String("hog") && kind != QLatin1String("speaker");
}

void PopulationModel::show_load(const telemetry::LoadReading& load, const QString& protocol) {
    protocol_ = protocol;
    now_ = load.taken;
    std::vector<Row> found;
    for (std::size_t i = 1; i < load.populations.size(); ++i) { // the first is the sum of all
        const auto& reading = load.populations[i];
        auto population = parse_population(QString::fromStdString(reading.text));
        if (!population) continue;
        const auto same = std::find_if(rows_.begin(), rows_.end(),
                                       [&](const Row& row) { return row.population.name == population->name; });
        Row row;
        row.completed = reading.counter(telemetry::layout::LoadCounter::completed);
        row.answered_per_s = not_known;
        row.counted = now_;
        if (same != rows_.end()) {
            const auto span = now_ - same->counted;
            row.edited = same->edited;
            row.answered_per_s = same->answered_per_s;
            if (span < counted_over) {
                row.completed = same->completed;
                row.counted = same->counted;
            } else if (row.completed >= same->completed) {
                row.answered_per_s =
                    static_cast<double>(row.completed - same->completed) / std::chrono::duration<double>(span).count();
            }
        }
        const bool is_settling = same != rows_.end() && row.edited.count() > 0 && now_ - row.edited < settles_after;
        row.population = is_settling ? same->population : std::move(*population);
        row.open = reading.counter(telemetry::layout::LoadCounter::open);
        found.push_back(std::move(row));
    }
    const auto same_names = [](const Row& a, const Row& b) { return a.population.name == b.population.name; };
    if (std::equal(found.begin(), found.end(), rows_.begin(), rows_.end(), same_names)) {
        rows_ = std::move(found);
        if (!rows_.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, column_count - 1));
    } else {
        beginResetModel();
        rows_ = std::move(found);
        endResetModel();
    }
}

void PopulationModel::clear() {
    if (rows_.empty()) return;
    beginResetModel();
    rows_.clear();
    endResetModel();
}

int PopulationModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

int PopulationModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : column_count; }

QVariant PopulationModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const Row& row = rows_[static_cast<std::size_t>(index.row())];
    const Population& population = row.population;
    const bool is_number = index.column() >= connections;
    if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignVCenter | (is_number ? Qt::AlignRight : Qt::AlignLeft));
    if (role == Qt::ToolTipRole) return to_text(population); // in connscope-load's words, with what has no column
    if (role != Qt::DisplayRole && role != Qt::EditRole) return {};
    const bool is_edit = role == Qt::EditRole;
    switch (index.column()) {
    case name:
        return population.name;
    case kind:
        return population.kind;
    case connections:
        return is_edit ? QVariant(population.connections) : count_text(population.connections);
    case rate:
        if (!has_rate(population.kind)) return is_edit ? QVariant(0.0) : QVariant(unknown_text);
        if (is_edit) return population.rate();
        return population.rate() > 0 ? count_text(population.rate()) : tr("most");
    case payload: {
        const int bytes = population.option(payload_key).toInt();
        if (is_edit) return bytes;
        return has_payload(population.kind) ? bytes_text(bytes) : unknown_text;
    }
    case open:
        return count_text(static_cast<double>(row.open));
    case answered:
        return count_text(row.answered_per_s < 10 ? row.answered_per_s : std::round(row.answered_per_s));
    default:
        return {};
    }
}

bool PopulationModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (role != Qt::EditRole || !index.isValid() || index.row() >= rowCount()) return false;
    Row& row = rows_[static_cast<std::size_t>(index.row())];
    Population wanted = row.population;
    switch (index.column()) {
    case kind:
        become(wanted, value.toString());
        break;
    case connections:
        wanted.connections = std::max(value.toInt(), 0);
        break;
    case rate:
        wanted.set_option(rate_key, QString::number(std::max(value.toDouble(), 0.0), 'g', 10));
        break;
    case payload: {
        wanted.set_option(payload_key, QString::number(std::max(value.toInt(), 0)));
        // What an http client asks for without a payload is another path than that of an echo.
        if (protocol_ == QLatin1String("http") && wanted.kind != QLatin1String("slow-reader")) {
            wanted.set_option(path_key, value.toInt() > 0 ? QStringLiteral("/echo") : QStringLiteral("/"));
        }
        break;
    }
    default:
        return false;
    }
    if (wanted == row.population) return false;
    row.population = wanted;
    row.edited = now_;
    emit dataChanged(this->index(index.row(), 0), this->index(index.row(), column_count - 1));
    emit populationWanted(to_text(wanted));
    return true;
}

// The options of one kind mean nothing to another: what both have stays.
void PopulationModel::become(Population& population, const QString& kind) {
    if (population.kind == kind) return;
    const QString rate = population.option(rate_key);
    const QString payload = population.option(payload_key);
    population.kind = kind;
    population.options.clear();
    if (has_rate(kind) && rate.toDouble() > 0 && kind != QLatin1String("hog")) population.set_option(rate_key, rate);
    if (has_payload(kind) && payload.toInt() > 0 && kind != QLatin1String("slow-reader"))
        population.set_option(payload_key, payload);
    if (kind == QLatin1String("hog")) { // as the one that a button adds
        const auto usual = parse_population(hog_text(population.connections));
        if (usual) population.options = usual->options;
    }
}

Qt::ItemFlags PopulationModel::flags(const QModelIndex& index) const {
    if (!index.isValid() || index.row() >= rowCount()) return Qt::NoItemFlags;
    const QString& of = population(index.row()).kind;
    const bool can_edit = index.column() == kind || index.column() == connections ||
                          (index.column() == rate && has_rate(of)) || (index.column() == payload && has_payload(of));
    const auto usual = Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
    return can_edit ? usual | Qt::ItemIsEditable : usual;
}

QVariant PopulationModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    struct Head {
        QString text;
        QString tip;
    };
    const Head heads[column_count] = {
        {tr("Clients"), tr("The name of the population.")},
        {tr("Kind"), tr("How they behave: active ones send requests, idle ones nothing; slow ones take or send a little at "
                        "a time; churn "
                        "connects, asks once and closes; a hog's requests compute without a pause; speakers talk.")},
        {tr("Wanted"), tr("How many are to be connected. Double click or F2 changes it; the others stay connected.")},
        {tr("Requests/s"),
         tr("How many requests all of them send in a second; “most”: each sends its next one as soon as it has its "
            "answer.")},
        {tr("Payload"), tr("Bytes of a request.")},
        {tr("Open"), tr("How many are connected now, as connscope-load tells.")},
        {tr("Answers/s"), tr("How many answers they got in the last second.")},
    };
    if (section < 0 || section >= column_count) return {};
    if (role == Qt::DisplayRole) return heads[section].text;
    if (role == Qt::ToolTipRole) return heads[section].tip;
    if (role == Qt::TextAlignmentRole)
        return QVariant(Qt::AlignVCenter | (section >= connections ? Qt::AlignRight : Qt::AlignLeft));
    return {};
}

} // namespace connscope::app
