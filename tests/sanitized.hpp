// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace connscope::test {

// Built with a sanitizer, whose own threads, shadow memory and stacks are in every figure that the kernel gives of the process.
#ifdef CONNSCOPE_SANITIZED
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

} // namespace connscope::test
