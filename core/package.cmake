# SPDX-License-Identifier: BSL-1.0
# What other people's servers link: find_package(connscope) gives connscope::probe (explicit
# calls) and connscope::asio (nothing to call). Both need the standard library and POSIX only.
include(CMakePackageConfigHelpers)

add_library(connscope::probe ALIAS connscope_telemetry)
set_target_properties(connscope_telemetry PROPERTIES EXPORT_NAME probe POSITION_INDEPENDENT_CODE ON)

# Interface only: connscope itself compiles the folder but does not watch its own Asio with it.
set_target_properties(connscope_asio PROPERTIES EXPORT_NAME asio POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(connscope_asio INTERFACE BOOST_ASIO_CUSTOM_HANDLER_TRACKING=<connscope/asio/tracking.hpp>
    ASIO_CUSTOM_HANDLER_TRACKING=<connscope/asio/tracking.hpp>) # of Boost.Asio, and of Asio without Boost
target_compile_features(connscope_telemetry PUBLIC cxx_std_20)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/connscope)
install(TARGETS connscope_telemetry connscope_asio EXPORT connscope COMPONENT development ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY telemetry asio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/connscope COMPONENT development
    FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(EXPORT connscope NAMESPACE connscope:: DESTINATION ${package_folder} FILE connscope-targets.cmake COMPONENT development)
configure_package_config_file(connscope-config.cmake.in ${PROJECT_BINARY_DIR}/connscope-config.cmake
    INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/connscope-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/connscope-config.cmake ${PROJECT_BINARY_DIR}/connscope-config-version.cmake
    DESTINATION ${package_folder} COMPONENT development)
