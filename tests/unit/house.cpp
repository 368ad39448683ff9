// SPDX-License-Identifier: BSL-1.0
// The rules of the house that no compiler checks: who may include whom, and what every file begins with.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace connscope::test {
namespace {

namespace fs = std::filesystem;
const fs::path top = CONNSCOPE_SOURCE_FOLDER;

// Data flows from the bottom to the top: a folder includes only those further down in this list.
const std::vector<std::string> house{"tools",   "lab",     "load", "server",   "protocol",
                                     "observe", "control", "asio", "telemetry"};

std::vector<fs::path> files_under(const fs::path& folder, const std::vector<std::string>& extensions) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file() &&
            std::find(extensions.begin(), extensions.end(), entry.path().extension()) != extensions.end())
            found.push_back(entry.path());
    return found;
}

std::string content_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The folders of core/ that a file includes.
std::vector<std::string> folders_included_by(const fs::path& path) {
    static const std::regex include("#include [\"<]connscope/([a-z]+)/");
    const std::string content = content_of(path);
    std::vector<std::string> folders;
    for (std::sregex_iterator match(content.begin(), content.end(), include), end; match != end; ++match)
        folders.push_back((*match)[1]);
    return folders;
}

TEST(house, a_folder_of_core_includes_only_folders_below_it) {
    std::size_t looked_at = 0;
    for (auto folder = house.begin(); folder != house.end(); ++folder) {
        if (!fs::exists(top / "core" / *folder)) continue;
        for (const fs::path& file : files_under(top / "core" / *folder, {".hpp", ".cpp"})) {
            ++looked_at;
            for (const std::string& included : folders_included_by(file))
                EXPECT_NE(std::find(folder, house.end(), included), house.end()) << file << " may not include " << included;
        }
    }
    EXPECT_GT(looked_at, 50u);
}

TEST(house, every_folder_of_core_is_in_the_list) {
    for (const auto& entry : fs::directory_iterator(top / "core"))
        if (entry.is_directory()) {
            EXPECT_NE(std::find(house.begin(), house.end(), entry.path().filename()), house.end()) << entry.path();
        }
}

TEST(house, core_knows_no_qt) {
    static const std::regex qt("#include [\"<]Q[A-Z]");
    for (const fs::path& file : files_under(top / "core", {".hpp", ".cpp"}))
        EXPECT_FALSE(std::regex_search(content_of(file), qt)) << file;
}

TEST(house, telemetry_needs_only_the_standard_library_and_posix) {
    static const std::regex foreign("#include <(boost|fmt|spdlog|CLI)/");
    for (const fs::path& file : files_under(top / "core/telemetry", {".hpp", ".cpp"}))
        EXPECT_FALSE(std::regex_search(content_of(file), foreign)) << file;
}

TEST(house, the_application_includes_only_what_observes) {
    const std::array<std::string, 4> allowed{"telemetry", "observe", "control", "lab"};
    for (const fs::path& file : files_under(top / "app", {".hpp", ".cpp"}))
        for (const std::string& included : folders_included_by(file))
            EXPECT_NE(std::find(allowed.begin(), allowed.end(), included), allowed.end())
                << file << " may not include " << included;
}

TEST(house, a_session_knows_no_sockets_threads_or_clocks) {
    static const std::regex forbidden(
        "#include <(sys/socket\\.h|thread|mutex|ctime|boost/asio(?!/buffer).*|pthread\\.h)>|steady_clock|system_clock");
    for (const fs::path& file : files_under(top / "core/protocol", {".hpp", ".cpp"}))
        EXPECT_FALSE(std::regex_search(content_of(file), forbidden)) << file;
}

TEST(house, no_mode_knows_another) {
    static const std::regex include("#include \"connscope/server/modes/([a-z_]+)\\.hpp\"");
    std::vector<std::string> modes;
    for (const fs::path& file : files_under(top / "core/server/modes", {".cpp"}))
        if (content_of(file).find("final : public Mode") != std::string::npos) modes.push_back(file.stem());
    EXPECT_GE(modes.size(), 7u);
    for (const fs::path& file : files_under(top / "core/server/modes", {".cpp"})) {
        const std::string content = content_of(file);
        for (std::sregex_iterator match(content.begin(), content.end(), include), end; match != end; ++match)
            EXPECT_EQ(std::find(modes.begin(), modes.end(), (*match)[1]), modes.end()) << file;
    }
}

TEST(house, every_source_file_names_its_licence) {
    for (const char* folder : {"core", "tests"})
        for (const fs::path& file : files_under(top / folder, {".hpp", ".cpp", ".sh", ".cmake"})) {
            const bool is_of_the_application = file.string().find("/gui/") != std::string::npos;
            const char* licence = is_of_the_application ? "GPL-3.0-or-later" : "BSL-1.0";
            EXPECT_NE(content_of(file).find(std::string("SPDX-License-Identifier: ") + licence), std::string::npos) << file;
        }
    for (const fs::path& file : files_under(top / "app", {".hpp", ".cpp"}))
        EXPECT_NE(content_of(file).find("SPDX-License-Identifier: GPL-3.0-or-later"), std::string::npos) << file;
}

TEST(house, no_source_file_is_longer_than_600_lines) {
    for (const char* folder : {"core", "app"})
        for (const fs::path& file : files_under(top / folder, {".hpp", ".cpp"})) {
            const std::string content = content_of(file);
            EXPECT_LE(std::count(content.begin(), content.end(), '\n'), 600) << file;
        }
}

} // namespace
} // namespace connscope::test
