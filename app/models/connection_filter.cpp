// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/connection_filter.hpp"

#include <QCoreApplication>

#include <array>
#include <cmath>
#include <vector>

namespace connscope::app {

namespace {

using Kind = ConnectionColumn::Kind;
using Filter = ConnectionModel::Filter;

QString tr(const char* text) { return QCoreApplication::translate("ConnectionFilter", text); }

struct Token {
    QString text;
    qsizetype position = 0;
    bool is_comparison = false;
};

const std::array comparisons{QStringLiteral("=="), QStringLiteral("!="), QStringLiteral("<="), QStringLiteral(">="),
                             QStringLiteral("<"),  QStringLiteral(">"),  QStringLiteral("~")};

bool is_word_character(QChar c) {
    return c.isLetterOrNumber() || c == QLatin1Char('_') || c == QLatin1Char('.') || c == QLatin1Char(':') ||
           c == QLatin1Char('-') || c == QLatin1Char('[') || c == QLatin1Char(']') || c == QChar(0x00b5);
}

std::vector<Token> tokens_of(const QString& text) {
    std::vector<Token> tokens;
    for (qsizetype at = 0; at < text.size();) {
        if (text[at].isSpace()) {
            ++at;
            continue;
        }
        Token token;
        token.position = at;
        if (is_word_character(text[at])) {
            while (at < text.size() && is_word_character(text[at])) ++at;
            token.text = text.mid(token.position, at - token.position);
        } else {
            token.text = text.mid(at, 1);
            for (const QString& comparison : comparisons) {
                if (text.mid(at, comparison.size()) != comparison) continue;
                token.text = comparison;
                token.is_comparison = true;
                break;
            }
            if (token.text == QLatin1String("=")) { // meant as ==
                token.is_comparison = true;
            }
            at += token.text.size();
        }
        tokens.push_back(std::move(token));
    }
    return tokens;
}

const ConnectionColumn* column_called(const QString& id) {
    for (const ConnectionColumn& column : connection_columns()) {
        if (id == QLatin1String(column.id)) return &column;
    }
    return nullptr;
}

QStringList words_of(Kind kind) {
    QStringList words;
    if (kind == Kind::state) {
        for (std::size_t i = 1; i < telemetry::connection_state_count; ++i) {
            const auto name = telemetry::name_of(static_cast<telemetry::ConnectionState>(i));
            words << QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
        }
    } else if (kind == Kind::carrier) {
        for (std::size_t i = 0; i < telemetry::carrier_kind_count; ++i) {
            const auto name = telemetry::name_of(static_cast<telemetry::CarrierKind>(i));
            words << QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
        }
    }
    return words;
}

// "10ms", "1.5KiB", "20k" as seconds, bytes or a count; none when it is not one.
std::optional<double> number_of(const QString& text, Kind kind) {
    qsizetype digits = 0;
    while (digits < text.size() && (text[digits].isDigit() || text[digits] == QLatin1Char('.'))) ++digits;
    bool is_number = false;
    const double value = text.left(digits).toDouble(&is_number);
    if (!is_number) return std::nullopt;
    const QString unit = text.mid(digits);
    struct Unit {
        const char* name;
        double factor;
    };
    static constexpr Unit times[] = {{"ns", 1e-9}, {"us", 1e-6}, {"\u00b5s", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"min", 60}};
    static constexpr Unit sizes[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
    static constexpr Unit counts[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}};
    const auto look_up = [&](const auto& units) -> std::optional<double> {
        for (const Unit& each : units) {
            if (unit == QString::fromUtf8(each.name)) return value * each.factor;
        }
        return std::nullopt;
    };
    if (kind == Kind::duration) return value == 0 && unit.isEmpty() ? 0 : look_up(times);
    if (kind == Kind::bytes) return look_up(sizes);
    return look_up(counts);
}

bool holds(double value, const QString& comparison, double than) {
    if (std::isnan(value)) return false; // what has no value is neither more nor less
    if (comparison == QLatin1String("!=")) return value != than;
    if (comparison == QLatin1String("<")) return value < than;
    if (comparison == QLatin1String("<=")) return value <= than;
    if (comparison == QLatin1String(">")) return value > than;
    if (comparison == QLatin1String(">=")) return value >= than;
    return value == than;
}

class Parser {
public:
    explicit Parser(const QString& text) : tokens_(tokens_of(text)), end_(text.size()) {}

    ParsedFilter parse() {
        if (tokens_.empty()) return {};
        Filter filter = parse_or();
        if (!error_ && at_ < tokens_.size()) fail(tr("expected \"and\", \"or\" or the end"));
        if (error_) return {{}, error_};
        return {std::move(filter), std::nullopt};
    }

private:
    const Token* next() const { return at_ < tokens_.size() ? &tokens_[at_] : nullptr; }

    bool take(const char* word) {
        if (next() == nullptr || next()->text.compare(QLatin1String(word), Qt::CaseInsensitive) != 0) return false;
        ++at_;
        return true;
    }

    void fail(const QString& text) {
        if (error_) return;
        FilterError error;
        error.position = next() != nullptr ? next()->position : end_;
        error.length = next() != nullptr ? next()->text.size() : 1;
        error.text = text;
        error_ = std::move(error);
    }

    Filter parse_or() {
        Filter left = parse_and();
        while (!error_ && take("or")) {
            left = [a = std::move(left), b = parse_and()](const ConnectionContext& c) { return a(c) || b(c); };
        }
        return left;
    }

    Filter parse_and() {
        Filter left = parse_not();
        while (!error_ && take("and")) {
            left = [a = std::move(left), b = parse_not()](const ConnectionContext& c) { return a(c) && b(c); };
        }
        return left;
    }

    Filter parse_not() {
        if (++depth_ > 100) fail(tr("too deep"));
        if (error_) return {};
        if (take("not")) return [a = parse_not()](const ConnectionContext& c) { return !a(c); };
        if (take("(")) {
            Filter inside = parse_or();
            if (!error_ && !take(")")) fail(tr("a closing parenthesis is missing"));
            return inside;
        }
        return parse_comparison();
    }

    Filter parse_comparison() {
        const ConnectionColumn* column = next() != nullptr ? column_called(next()->text) : nullptr;
        if (column == nullptr) {
            fail(tr("expected a field, such as state, wait, carrier or requests"));
            return {};
        }
        ++at_;
        if (next() == nullptr || !next()->is_comparison) {
            fail(tr("expected a comparison: == != < <= > >= ~"));
            return {};
        }
        QString comparison = next()->text;
        if (comparison == QLatin1String("=")) comparison = QStringLiteral("==");
        const bool is_equality = comparison == QLatin1String("==") || comparison == QLatin1String("!=");
        const bool is_word = column->kind == Kind::state || column->kind == Kind::carrier;
        const bool contains = comparison == QLatin1String("~");
        if ((is_word && !is_equality) || (column->kind == Kind::text && !is_equality && !contains) ||
            (contains && column->kind != Kind::text)) {
            fail(column->kind == Kind::text ? tr("text is compared with ==, != or ~") : is_word
                     ? tr("this field is compared with == or !=")
                     : tr("~ compares text only"));
            return {};
        }
        ++at_;
        if (next() == nullptr || next()->is_comparison) {
            fail(tr("expected a value"));
            return {};
        }
        const QString value = next()->text;
        const bool wants_equal = comparison != QLatin1String("!=");
        if (column->kind == Kind::text) {
            ++at_;
            return [column, value, contains, wants_equal](const ConnectionContext& c) {
                const QString text = column->text(c);
                return contains ? text.contains(value) : (text == value) == wants_equal;
            };
        }
        if (is_word) {
            const QStringList words = words_of(column->kind);
            if (!words.contains(value)) {
                fail(tr("expected one of %1").arg(words.join(QStringLiteral(", "))));
                return {};
            }
            ++at_;
            const double than =
                static_cast<double>(words.indexOf(value)) + (column->kind == Kind::state ? 1 : 0); // states begin with none
            return [column, than, wants_equal](const ConnectionContext& c) { return (column->value(c) == than) == wants_equal; };
        }
        const auto than = number_of(value, column->kind);
        if (!than) {
            fail(column->kind == Kind::duration ? tr("expected a time with its unit, such as 10ms")
                 : column->kind == Kind::bytes  ? tr("expected a size, such as 4KiB")
                                                : tr("expected a number, such as 100 or 20k"));
            return {};
        }
        ++at_;
        return [column, comparison, than = *than](const ConnectionContext& c) { return holds(column->value(c), comparison, than); };
    }

    std::vector<Token> tokens_;
    qsizetype end_;
    std::size_t at_ = 0;
    int depth_ = 0;
    std::optional<FilterError> error_;
};

} // namespace

ParsedFilter parse_filter(const QString& text) { return Parser(text).parse(); }

qsizetype filter_word_begin(const QString& text, qsizetype position) {
    qsizetype begin = position;
    while (begin > 0 && is_word_character(text[begin - 1])) --begin;
    return begin;
}

QStringList filter_completions(const QString& text, qsizetype position) {
    const QString before = text.left(filter_word_begin(text, position));
    const std::vector<Token> tokens = tokens_of(before);
    QStringList words;
    const auto fields = [&] {
        for (const ConnectionColumn& column : connection_columns()) words << QString::fromLatin1(column.id);
        words << QStringLiteral("not");
    };
    if (tokens.empty()) {
        fields();
        return words;
    }
    const Token& last = tokens.back();
    const Token* field = tokens.size() >= 2 ? &tokens[tokens.size() - 2] : nullptr;
    if (last.is_comparison && field != nullptr) {
        if (const auto* column = column_called(field->text)) words = words_of(column->kind);
        return words;
    }
    if (column_called(last.text) != nullptr) {
        for (const QString& comparison : comparisons) words << comparison;
        return words;
    }
    for (const char* joint : {"and", "or", "not", "("}) {
        if (last.text == QLatin1String(joint)) {
            fields();
            return words;
        }
    }
    return {QStringLiteral("and"), QStringLiteral("or")};
}

} // namespace connscope::app
