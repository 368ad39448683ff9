// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/lab/result.hpp"

#include <QByteArray>

namespace connscope::app {

// The report of a comparison as a PDF of A4 pages.
QByteArray report_pdf(const lab::Result& result);

} // namespace connscope::app
