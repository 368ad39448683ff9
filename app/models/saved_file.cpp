// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/saved_file.hpp"

#include <QCoreApplication>
#include <QSaveFile>

namespace connscope::app {

SaveError save_file(const QString& file, const QByteArray& bytes) {
    QSaveFile out(file);
    if (out.open(QIODevice::WriteOnly) && out.write(bytes) == bytes.size() && out.commit()) return {};
    return QCoreApplication::translate("SavedFile", "%1 was not saved: %2.").arg(file, out.errorString());
}

} // namespace connscope::app
