// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

class QEvent;

namespace connscope::app {

// Whether an event of a window asks if a key is a shortcut, and the control with the focus needs the key itself: Space
// presses a button before it pauses the view, Home moves a slider. The event is accepted then and the key goes to the
// control.
bool leave_key_to_focus(QEvent& event);

} // namespace connscope::app
