// SPDX-License-Identifier: BSL-1.0
#pragma once

// Named by BOOST_ASIO_CUSTOM_HANDLER_TRACKING, and by ASIO_CUSTOM_HANDLER_TRACKING for Asio without Boost; the targets
// connscope::asio and connscope::asio_standalone do that. Nothing here is called by a server: Asio's own macros say what
// each of its sockets does, and that becomes a segment called asio-PID.
//
// A connection is a connected TCP socket that an operation was started on, known by its descriptor. A handler's run is a
// slice; what is pending at its end is the state, and nothing pending is a pause. Work posted by a handler belongs to the
// connection of that handler. A slice nested in another one (dispatch) is not counted apart. Datagram sockets are left out:
// they have no connection; so are connections that the process opened itself, which are told by not being connected yet when
// Asio gets them. A socket that is closed behind Asio's back, by close(2), is noticed when its descriptor is used again, or
// some time after that as long as anything happens: there is no thread that looks. After a fork the child begins a segment
// of its own with the connections it uses.
//
// While nobody reads the segment, slices are counted and not timed: see telemetry/layout.hpp, slot_flags.
//
// Source of the macros: <boost/asio/detail/handler_tracking.hpp>, Boost 1.81, and <asio/detail/handler_tracking.hpp>, Asio
// 1.22. What the reactor's events are of is read where it tells them, epoll_reactor::run(): `ptr` is its record of a
// descriptor, `i` the place among those that epoll_wait(2) reported at once.

#include "connscope/asio/tracker.hpp"

#define CONNSCOPE_ASIO_READY(args) ::connscope::asio::ready(static_cast<descriptor_state*>(ptr)->descriptor_, i)

#if defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING)
#define BOOST_ASIO_INHERIT_TRACKED_HANDLER : public ::connscope::asio::TrackedHandler
#define BOOST_ASIO_ALSO_INHERIT_TRACKED_HANDLER , public ::connscope::asio::TrackedHandler
#define BOOST_ASIO_HANDLER_TRACKING_INIT (void)0
#define BOOST_ASIO_HANDLER_LOCATION(args) (void)0
#define BOOST_ASIO_HANDLER_CREATION(args) ::connscope::asio::created args
#define BOOST_ASIO_HANDLER_COMPLETION(args) ::connscope::asio::Completion tracked_completion args
#define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) tracked_completion.begin args
#define BOOST_ASIO_HANDLER_INVOCATION_END tracked_completion.end()
#define BOOST_ASIO_HANDLER_OPERATION(args) ::connscope::asio::operation args
#define BOOST_ASIO_HANDLER_REACTOR_REGISTRATION(args) ::connscope::asio::registered args
#define BOOST_ASIO_HANDLER_REACTOR_DEREGISTRATION(args) ::connscope::asio::deregistered args
#define BOOST_ASIO_HANDLER_REACTOR_READ_EVENT 1
#define BOOST_ASIO_HANDLER_REACTOR_WRITE_EVENT 2
#define BOOST_ASIO_HANDLER_REACTOR_ERROR_EVENT 4
#define BOOST_ASIO_HANDLER_REACTOR_EVENTS(args) CONNSCOPE_ASIO_READY(args), (void)event_mask
#define BOOST_ASIO_HANDLER_REACTOR_OPERATION(args) ::connscope::asio::performed args
#endif

#if defined(ASIO_CUSTOM_HANDLER_TRACKING)
#define ASIO_INHERIT_TRACKED_HANDLER : public ::connscope::asio::TrackedHandler
#define ASIO_ALSO_INHERIT_TRACKED_HANDLER , public ::connscope::asio::TrackedHandler
#define ASIO_HANDLER_TRACKING_INIT (void)0
#define ASIO_HANDLER_LOCATION(args) (void)0
#define ASIO_HANDLER_CREATION(args) ::connscope::asio::created args
#define ASIO_HANDLER_COMPLETION(args) ::connscope::asio::Completion tracked_completion args
#define ASIO_HANDLER_INVOCATION_BEGIN(args) tracked_completion.begin args
#define ASIO_HANDLER_INVOCATION_END tracked_completion.end()
#define ASIO_HANDLER_OPERATION(args) ::connscope::asio::operation args
#define ASIO_HANDLER_REACTOR_REGISTRATION(args) ::connscope::asio::registered args
#define ASIO_HANDLER_REACTOR_DEREGISTRATION(args) ::connscope::asio::deregistered args
#define ASIO_HANDLER_REACTOR_READ_EVENT 1
#define ASIO_HANDLER_REACTOR_WRITE_EVENT 2
#define ASIO_HANDLER_REACTOR_ERROR_EVENT 4
#define ASIO_HANDLER_REACTOR_EVENTS(args) CONNSCOPE_ASIO_READY(args), (void)event_mask
#define ASIO_HANDLER_REACTOR_OPERATION(args) ::connscope::asio::performed args
#endif
