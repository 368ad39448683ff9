// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/ready_line.hpp"

#include "connscope/telemetry/runtime_folder.hpp"

#include <QStringList>

namespace connscope::app {

std::optional<ReadyLine> parse_ready_line(const QString& line) {
    QStringList words = line.trimmed().split(QLatin1Char(' '), Qt::SkipEmptyParts);
    if (words.size() >= 2 && words[0] == QLatin1String("listening") && words[1] == QLatin1String("on")) {
        words.remove(0, 2);
    } else if (!words.isEmpty() && words[0] == QLatin1String("loading")) {
        words.removeFirst();
    } else {
        return std::nullopt;
    }
    if (words.isEmpty()) return std::nullopt;

    ReadyLine ready;
    ready.address = words.takeFirst();
    for (const QString& word : words) {
        const qsizetype equals = word.indexOf(QLatin1Char('='));
        const QString key = word.left(equals);
        const QString value = word.mid(equals + 1);
        if (key == QLatin1String("pid")) ready.pid = value.toUInt();
        if (key == QLatin1String("control")) ready.control_path = value;
        if (key == QLatin1String("segment")) ready.segment_name = value;
    }
    if (!ready.address.contains(QLatin1Char(':')) || ready.pid == 0 || ready.control_path.isEmpty()) return std::nullopt;
    if (!telemetry::valid_name(ready.segment_name.toStdString())) return std::nullopt;
    return ready;
}

} // namespace connscope::app
