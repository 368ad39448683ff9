// SPDX-License-Identifier: BSL-1.0
// Holds the headers that the tests precompile; see CMakeLists.txt.
