// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/format.hpp"

#include <QLocale>

#include <array>
#include <cmath>

namespace connscope::app {

namespace {

const QLocale& locale() {
    static const QLocale english(QLocale::English, QLocale::UnitedStates);
    return english;
}

// Three significant digits at most before the point is dropped: 0.02, 1.42, 9.71, 36.1, 712, 1,002.
QString digits(double value) {
    const double size = std::abs(value);
    if (size == 0) return QStringLiteral("0");
    const int decimals = size < 0.1 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
    QString text = locale().toString(value, 'f', decimals);
    if (decimals > 0 && text.contains(QLatin1Char('.'))) {
        while (text.endsWith(QLatin1Char('0'))) text.chop(1);
        if (text.endsWith(QLatin1Char('.'))) text.chop(1);
    }
    return text;
}

QString join(const ValueText& parts) {
    return parts.unit.isEmpty() ? parts.number : parts.number + QChar(0x00a0) + parts.unit;
}

} // namespace

QString count_text(double value) {
    if (!std::isfinite(value)) return unknown_text;
    const double size = std::abs(value);
    if (size < 99'999.5) return digits(value);
    if (size < 999'500) return digits(value / 1e3) + QStringLiteral("\u00a0k");
    if (size < 999'500'000) return digits(value / 1e6) + QStringLiteral("\u00a0M");
    return digits(value / 1e9) + QStringLiteral("\u00a0G");
}

ValueText split_bytes(double bytes) {
    if (!std::isfinite(bytes)) return {unknown_text, {}};
    static const std::array<QString, 5> units{QStringLiteral("B"), QStringLiteral("KiB"), QStringLiteral("MiB"),
                                              QStringLiteral("GiB"), QStringLiteral("TiB")};
    std::size_t unit = 0;
    double value = bytes;
    while (std::abs(value) >= 1000 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return {unit == 0 ? digits(std::round(value)) : digits(value), units[unit]};
}

QString bytes_text(double bytes) { return join(split_bytes(bytes)); }

ValueText split_duration(double seconds) {
    if (!std::isfinite(seconds)) return {unknown_text, {}};
    const double size = std::abs(seconds);
    if (size == 0) return {QStringLiteral("0"), QStringLiteral("s")};
    if (size < 0.9995e-6) return {digits(std::round(seconds * 1e9)), QStringLiteral("ns")};
    if (size < 0.9995e-3) return {digits(seconds * 1e6), QStringLiteral("µs")};
    if (size < 0.9995) return {digits(seconds * 1e3), QStringLiteral("ms")};
    if (size < 119.5) return {digits(seconds), QStringLiteral("s")};
    const auto whole = static_cast<qint64>(std::round(seconds));
    if (size < 7170) {
        return {QString::number(whole / 60), QStringLiteral("min %1 s").arg(whole % 60)};
    }
    return {QString::number(whole / 3600), QStringLiteral("h %1 min").arg(whole % 3600 / 60)};
}

QString duration_text(double seconds) { return join(split_duration(seconds)); }

QString duration_text(std::chrono::nanoseconds time) {
    return duration_text(std::chrono::duration<double>(time).count());
}

QString percent_text(double share) {
    if (!std::isfinite(share)) return unknown_text;
    const double percent = share * 100;
    const double size = std::abs(percent);
    // 99.97 % must not read as 100 %: what is nearly all is told with more digits.
    if (size > 99 && size < 100) return locale().toString(std::floor(percent * 100) / 100, 'f', 2) + QStringLiteral("\u00a0%");
    return digits(size < 10 ? std::round(percent * 10) / 10 : std::round(percent)) + QStringLiteral("\u00a0%");
}

QString factor_text(double factor) {
    if (!std::isfinite(factor)) return unknown_text;
    const double rounded = factor < 10 ? std::round(factor * 10) / 10 : std::round(factor);
    return digits(rounded) + QChar(0x00d7);
}

} // namespace connscope::app
