// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/mode_parameters_row.hpp"

#include "models/format.hpp"
#include "views/card.hpp"

#include <QComboBox>
#include <QHBoxLayout>
#include <QSpinBox>
#include <QVBoxLayout>

namespace connscope::app {

namespace {

constexpr int most_threads = 64;
constexpr int stacks_kib[] = {16, 32, 64, 128, 256, 512, 1024, 2048, 8192};
constexpr int slices_us[] = {0, 200, 500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000};

QString stack_text(int kib) { return bytes_text(kib * 1024.0); }
QString slice_text(int us) { return us == 0 ? ModeParametersRow::tr("auto") : duration_text(us / 1e6); }

// Chooses the item with this value; one that is not in the list yet is added.
void choose(QComboBox& box, int value, const QString& text) {
    int index = box.findData(value);
    if (index < 0) {
        box.addItem(text, value);
        index = box.count() - 1;
    }
    box.setCurrentIndex(index);
}

} // namespace

ModeParametersRow::ModeParametersRow(QWidget* parent)
    : QWidget(parent)
    , threads_(new QSpinBox(this))
    , stack_size_(new QComboBox(this))
    , slice_(new QComboBox(this)) {
    setObjectName(QStringLiteral("mode_parameters"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(10);
    threads_group_ =
        add(tr("Threads"), threads_, QStringLiteral("mode_threads"),
            tr("How many threads share the connections. “auto” takes as many as the mode thinks right for this machine. A "
               "change moves all connections to new threads; they stay open."));
    stack_group_ = add(
        tr("Stack of each"), stack_size_, QStringLiteral("mode_stack"),
        tr("What is reserved for the stack of each thread or fiber. Only what is touched takes memory: compare the memory "
           "per connection. A change moves all connections to new stacks; they stay open."));
    slice_group_ = add(
        tr("Slice"), slice_, QStringLiteral("mode_slice"),
        tr("How long a connection may compute before the next one runs: a timer interrupts it then, or the kernel's "
           "scheduler "
           "does, or it yields. “auto” leaves that to the mode: 1 ms, the scheduler's own slice, never. Shorter is fairer "
           "and costs more switches."));
    for (QWidget* group : {threads_group_, stack_group_, slice_group_}) row->addWidget(group);
    threads_->setRange(0, most_threads);
    threads_->setSpecialValueText(tr("auto"));
    threads_->setKeyboardTracking(false);
    for (const int kib : stacks_kib) stack_size_->addItem(stack_text(kib), kib);
    for (const int us : slices_us) slice_->addItem(slice_text(us), us);
    show_parameters({});
    connect(threads_, &QSpinBox::valueChanged, this, &ModeParametersRow::want);
    connect(stack_size_, &QComboBox::activated, this, &ModeParametersRow::want);
    connect(slice_, &QComboBox::activated, this, &ModeParametersRow::want);
}

QWidget* ModeParametersRow::add(const QString& caption, QWidget* control, const QString& name, const QString& tip) {
    control->setObjectName(name);
    control->setAccessibleName(caption);
    control->setToolTip(tip);
    control->setSizePolicy(control->sizePolicy().horizontalPolicy(), QSizePolicy::MinimumExpanding); // as high as the modes
    auto* group = new QWidget(this);
    auto* box = new QVBoxLayout(group);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(2);
    auto* head = new CaptionLabel(caption, group);
    head->setToolTip(tip);
    box->addWidget(head);
    box->addWidget(control, 1);
    return group;
}

void ModeParametersRow::show_mode(const ModeDescription& mode) {
    threads_group_->setVisible(mode.has_threads);
    stack_group_->setVisible(mode.has_stack_size);
    slice_group_->setVisible(mode.has_slice);
    setVisible(mode.has_threads || mode.has_stack_size || mode.has_slice);
}

void ModeParametersRow::show_parameters(const ModeParameters& parameters) {
    shown_ = parameters;
    const QSignalBlocker blocker(threads_);
    threads_->setValue(parameters.threads);
    choose(*stack_size_, parameters.stack_kib, stack_text(parameters.stack_kib));
    choose(*slice_, parameters.slice_us, slice_text(parameters.slice_us));
}

void ModeParametersRow::want() {
    ModeParameters wanted = shown_;
    wanted.threads = threads_->value();
    wanted.stack_kib = stack_size_->currentData().toInt();
    wanted.slice_us = slice_->currentData().toInt();
    if (wanted != shown_) emit parametersWanted(wanted);
}

QString parameters_text(const ModeDescription& mode, const ModeParameters& parameters) {
    QStringList words;
    if (mode.has_threads) {
        words << (parameters.threads == 0   ? ModeParametersRow::tr("threads as it thinks right")
                  : parameters.threads == 1 ? ModeParametersRow::tr("1 thread")
                                            : ModeParametersRow::tr("%1 threads").arg(parameters.threads));
    }
    if (mode.has_stack_size) words << ModeParametersRow::tr("stacks of %1").arg(stack_text(parameters.stack_kib));
    if (mode.has_slice && parameters.slice_us > 0)
        words << ModeParametersRow::tr("slices of %1").arg(slice_text(parameters.slice_us));
    return words.join(QStringLiteral(", "));
}

} // namespace connscope::app
