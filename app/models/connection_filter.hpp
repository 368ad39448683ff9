// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"

#include <QString>
#include <QStringList>

#include <optional>

namespace connscope::app {

// Where a filter's text is wrong, and what would be right there.
struct FilterError {
    qsizetype position = 0;
    qsizetype length = 1; // at least 1; may reach behind the end of the text
    QString text;
};

struct ParsedFilter {
    ConnectionModel::Filter filter; // empty: all connections
    std::optional<FilterError> error; // `filter` says nothing then
};

// Reads "state == ready and wait > 10ms and carrier == thread". Fields are the ids of connection_columns(); comparisons are
// == != < <= > >= and, for text, ~ (contains); they are joined by "and", "or", "not" and parentheses. Times need a unit (ns, us,
// ms, s, min), sizes and counts may have one (KiB, MiB, GiB; k, M). An empty text accepts all.
ParsedFilter parse_filter(const QString& text);

// What may stand at `position` instead of the word that ends there: fields, comparisons, values or joining words.
QStringList filter_completions(const QString& text, qsizetype position);

// Where the word begins that ends at `position`.
qsizetype filter_word_begin(const QString& text, qsizetype position);

} // namespace connscope::app
