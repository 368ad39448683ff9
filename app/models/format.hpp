// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <chrono>
#include <cstdint>

namespace connscope::app {

// Numbers as people read them: "1,002", "40 k", "36.1 KiB", "213 ms"; never an exponent. What is not known is "–".

inline const QString unknown_text = QStringLiteral("–");

QString count_text(double value);           // "0.02", "9.7", "420", "1,002", "20,000", "120 k", "1.2 M"
QString bytes_text(double bytes);           // "712 B", "36.1 KiB", "1.2 GiB"
QString duration_text(double seconds);      // "0", "85 ns", "4.2 µs", "213 ms", "2.50 s", "3 min 20 s"
QString duration_text(std::chrono::nanoseconds time);
QString percent_text(double share);         // "0.3 %", "34 %"
QString factor_text(double factor);         // "1.6×", "33×", "1,200×"

// A number and its unit apart, for where the number is drawn bigger.
struct ValueText {
    QString number;
    QString unit;
};
ValueText split_bytes(double bytes);
ValueText split_duration(double seconds);

} // namespace connscope::app
