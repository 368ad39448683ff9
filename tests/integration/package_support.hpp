// SPDX-License-Identifier: BSL-1.0
#pragma once

// The installed package as somebody else's project uses it: installed to a prefix, found, compiled.

#include "../sanitized.hpp"
#include "../support.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace connscope::test {

namespace fs = std::filesystem;

inline constexpr const char* what_links = "the examples do not link the sanitizer that the library would need";

struct Folder {
    fs::path path = fs::temp_directory_path() / unique_name("connscope-package");
    ~Folder() { fs::remove_all(path); }
};

inline int run(std::vector<std::string> arguments, std::string& text) {
    Child child(std::move(arguments));
    text = child.rest();
    return child.wait(150s);
}

// Installs what servers link and builds `source` with it; the build folder, empty when it failed.
inline fs::path build_with_package(const Folder& folder, const fs::path& source, const std::string& option) {
    std::string text;
    const fs::path prefix = folder.path / "prefix";
    const fs::path build = folder.path / (source.filename().string() + option);
    const int installed = run({"/usr/bin/cmake", "--install", fs::path(CONNSCOPE_BIN_FOLDER).parent_path(), "--prefix",
                               prefix, "--component", "development"},
                              text);
    EXPECT_EQ(installed, 0) << text;
    const int configured =
        run({"/usr/bin/cmake", "-S", source, "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix.string(), option}, text);
    EXPECT_EQ(configured, 0) << text;
    const int built = run({"/usr/bin/cmake", "--build", build, "--parallel", "2"}, text);
    EXPECT_EQ(built, 0) << text;
    return built == 0 ? build : fs::path();
}

inline fs::path build_example(const Folder& folder, const std::string& name,
                              const std::string& option = "--no-warn-unused-cli") {
    return build_with_package(folder, fs::path(CONNSCOPE_SOURCE_FOLDER) / "resources/examples" / name, option);
}

} // namespace connscope::test
