// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/journal.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace connscope::lab {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using telemetry::Error;
using telemetry::Outcome;
using telemetry::Status;

Status write_all(int fd, std::string_view text, const std::string& what) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return telemetry::system_error(errno, what);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return telemetry::success();
}

} // namespace

Outcome<Journal> Journal::open(const fs::path& path, const Plan& plan) {
    Journal journal;
    journal.path_ = path;
    journal.file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!journal.file_) return telemetry::system_error(errno, fmt::format("the journal {}", path.string()));
    struct stat about {};
    if (::fstat(journal.file_.get(), &about) != 0 || !S_ISREG(about.st_mode))
        return Error{std::make_error_code(std::errc::invalid_argument),
                     fmt::format("{} is no file that a journal could be kept in", path.string())};
    std::ifstream in(path, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    std::size_t begin = 0;
    bool known = false;
    for (std::size_t end = 0; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1) {
        json::error_code error;
        const json::value line = json::parse(std::string_view(content).substr(begin, end - begin), error);
        if (error || !line.is_object()) break; // damaged: what follows is not believed
        if (!known) {
            const auto* plan_text = line.get_object().if_contains("plan");
            if (plan_text == nullptr || !plan_text->is_string() || plan_text->get_string() != plan.fingerprint())
                return Error{
                    std::make_error_code(std::errc::file_exists),
                    fmt::format("{} is not the journal of this experiment; name another one or remove it", path.string())};
            known = true;
            continue;
        }
        const auto* cell = line.get_object().if_contains("cell");
        const auto* round = line.get_object().if_contains("round");
        auto record = round == nullptr ? std::nullopt : round_of_json(*round);
        if (cell == nullptr || !cell->is_string() || !record) break;
        journal.entries_.push_back({std::string(cell->get_string()), std::move(*record)});
    }
    if (!known && begin == 0 && !content.empty())
        return Error{std::make_error_code(std::errc::file_exists),
                     fmt::format("{} is no journal; name another one or remove it", path.string())};
    journal.length_ = static_cast<std::int64_t>(known ? begin : 0);
    if (!known)
        if (auto begun = journal.append(json::serialize(json::object{{"plan", plan.fingerprint()}})); !begun)
            return begun.error();
    return journal;
}

Status Journal::append(const std::string& line) {
    const std::string what = fmt::format("cannot write the journal {}", path_.string());
    ::lseek(file_.get(), length_, SEEK_SET);
    if (auto written = write_all(file_.get(), line + "\n", what); !written) {
        [[maybe_unused]] const int cut = ::ftruncate(file_.get(), length_);
        return written;
    }
    length_ += static_cast<std::int64_t>(line.size()) + 1;
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), length_); // what a longer damaged line has left
    if (::fdatasync(file_.get()) != 0) return telemetry::system_error(errno, what);
    return telemetry::success();
}

Status Journal::add(const std::string& cell, const RoundRecord& round) {
    return append(json::serialize(json::object{{"cell", cell}, {"round", to_json(round)}}));
}

void Journal::remove() {
    std::error_code error;
    fs::remove(path_, error);
    file_.reset();
}

Outcome<fs::path> journal_path(const Plan& plan) {
    fs::path folder;
    if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/')
        folder = state;
    else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        folder = fs::path(home) / ".local/state";
    else
        folder = fs::temp_directory_path();
    folder /= "connscope";
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return Error{error, fmt::format("the folder {}: {}", folder.string(), error.message())};
    // FNV-1a, to tell one experiment's file from another's; the text itself is in the file.
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : plan.fingerprint()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return folder / fmt::format("compare-{:016x}.jsonl", hash);
}

Status write_whole(const fs::path& path, std::string_view content) {
    const std::string beside = fmt::format("{}.{}.new", path.string(), ::getpid());
    const std::string what = fmt::format("cannot write {}", path.string());
    telemetry::UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file) return telemetry::system_error(errno, what);
    auto written = write_all(file.get(), content, what);
    if (written && ::fsync(file.get()) != 0 && errno != EINVAL) written = telemetry::system_error(errno, what);
    if (written && ::rename(beside.c_str(), path.c_str()) != 0) written = telemetry::system_error(errno, what);
    if (!written) ::unlink(beside.c_str());
    return written;
}

} // namespace connscope::lab
