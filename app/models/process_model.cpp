// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/process_model.hpp"

#include "models/format.hpp"

#include <algorithm>

namespace connscope::app {

namespace {

constexpr std::size_t most_ports = 4; // written out

QString ports_text(const observe::ListedProcess& process) {
    QString text;
    for (std::size_t i = 0; i < std::min(process.listening.size(), most_ports); ++i)
        text += (i == 0 ? QString() : QStringLiteral(", ")) + QString::number(process.listening[i]);
    if (process.listening.size() > most_ports) text += QStringLiteral(", …");
    return text;
}

QString text_of(const AttachChoice& choice, int column) {
    const observe::ListedProcess& process = choice.process;
    switch (column) {
    case ProcessModel::name:
        return QString::fromStdString(process.name);
    case ProcessModel::pid:
        return QString::number(process.pid);
    case ProcessModel::user:
        return QString::fromStdString(process.user_name);
    case ProcessModel::threads:
        return count_text(process.threads);
    case ProcessModel::sockets:
        return process.files_seen ? count_text(process.sockets) : unknown_text;
    case ProcessModel::listening:
        return process.files_seen ? ports_text(process) : unknown_text;
    case ProcessModel::visible:
        return visible_text(choice);
    case ProcessModel::command:
        return QString::fromStdString(process.command);
    default:
        return {};
    }
}

bool fits(const AttachChoice& choice, const QStringList& words) {
    const observe::ListedProcess& process = choice.process;
    QString all = QStringLiteral("%1 %2 %3 %4 %5")
                      .arg(QString::fromStdString(process.name))
                      .arg(process.pid)
                      .arg(QString::fromStdString(process.user_name), QString::fromStdString(process.command),
                           QString::fromStdString(choice.segment));
    for (const std::uint16_t port : process.listening) all += QStringLiteral(" :%1").arg(port);
    return std::ranges::all_of(words, [&](const QString& word) { return all.contains(word, Qt::CaseInsensitive); });
}

} // namespace

QString visible_text(const AttachChoice& choice) {
    if (!choice.segment.empty()) return ProcessModel::tr("every connection");
    return choice.process.files_seen ? ProcessModel::tr("threads, sockets") : ProcessModel::tr("threads only");
}

QString visible_tip(const AttachChoice& choice) {
    if (!choice.segment.empty())
        return ProcessModel::tr("A probe in it reports as %1: every connection with its state, slices and waiting.")
            .arg(QString::fromStdString(choice.segment));
    if (choice.process.files_seen)
        return ProcessModel::tr("It has no probe. The kernel tells of its threads, memory, switches and sockets; linking "
                                "connscope::asio or connscope::probe into it would show what each connection does.");
    return ProcessModel::tr("It belongs to %1, and its files may not be seen: no sockets, stacks or switches. “sudo "
                            "connscope --attach %2” shows them.")
        .arg(QString::fromStdString(choice.process.user_name))
        .arg(choice.process.pid);
}

void ProcessModel::show_choices(AttachChoicesPtr choices) { refill(std::move(choices)); }

void ProcessModel::search(const QString& words) {
    words_ = words;
    refill(choices_);
}

void ProcessModel::refill(AttachChoicesPtr choices) {
    const QStringList words = words_.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; choices && i < choices->size(); ++i)
        if (fits((*choices)[i], words)) rows.push_back(i);
    // Who is selected stays so while others come and go.
    emit layoutAboutToBeChanged();
    const QModelIndexList before = persistentIndexList();
    std::vector<std::uint32_t> pids;
    for (const QModelIndex& index : before) pids.push_back(choice(index.row()).process.pid);
    choices_ = std::move(choices);
    rows_ = std::move(rows);
    QModelIndexList after;
    for (qsizetype i = 0; i < before.size(); ++i) {
        int row = 0;
        while (row < rowCount() && choice(row).process.pid != pids[static_cast<std::size_t>(i)]) ++row;
        after.push_back(row < rowCount() ? index(row, before[i].column()) : QModelIndex());
    }
    changePersistentIndexList(before, after);
    emit layoutChanged();
}

int ProcessModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }

int ProcessModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : column_count; }

QVariant ProcessModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const AttachChoice& of = choice(index.row());
    const bool is_number = index.column() == pid || index.column() == threads || index.column() == sockets;
    switch (role) {
    case Qt::DisplayRole:
        return text_of(of, index.column());
    case Qt::ToolTipRole:
        return index.column() == command ? QString::fromStdString(of.process.command) : visible_tip(of);
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignVCenter | (is_number ? Qt::AlignRight : Qt::AlignLeft));
    default:
        return {};
    }
}

QVariant ProcessModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= column_count) return {};
    const bool is_number = section == pid || section == threads || section == sockets;
    if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignVCenter | (is_number ? Qt::AlignRight : Qt::AlignLeft));
    if (role != Qt::DisplayRole) return {};
    switch (section) {
    case name:
        return tr("Name");
    case pid:
        return tr("Pid");
    case user:
        return tr("User");
    case threads:
        return tr("Threads");
    case sockets:
        return tr("Sockets");
    case listening:
        return tr("Listens on");
    case visible:
        return tr("Shows");
    case command:
        return tr("Command");
    default:
        return {};
    }
}

} // namespace connscope::app
