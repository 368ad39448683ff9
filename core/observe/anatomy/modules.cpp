// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/modules.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace connscope::observe {
namespace {

// One file of the mappings: from its first byte's address to its last mapping's end.
struct MappedFile {
    std::uint64_t base = 0; // where the file's beginning is mapped
    std::uint64_t end = 0;
    bool has_beginning = false;
    bool has_code = false;
    dev_t device = 0;
    ino_t inode = 0;
};

// "7f00-7f10 r-xp 00001000 08:01 1234    /path" (proc_pid_maps(5)); other mappings are left out.
void take_line(const std::string& line, std::map<std::string, MappedFile>& files) {
    unsigned long begin = 0, end = 0, offset = 0, inode = 0;
    unsigned int device_major = 0, device_minor = 0;
    char rights[5] = {};
    int name = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %lx %x:%x %lu %n", &begin, &end, rights, &offset, &device_major,
                    &device_minor, &inode, &name) < 7 ||
        inode == 0 || name == 0 || line[static_cast<std::size_t>(name)] != '/')
        return;
    MappedFile& file = files[line.substr(static_cast<std::size_t>(name))];
    if (offset == 0 && !file.has_beginning) {
        file.base = begin;
        file.has_beginning = true;
    }
    file.end = std::max<std::uint64_t>(file.end, end);
    file.has_code = file.has_code || rights[2] == 'x';
    file.device = makedev(device_major, device_minor);
    file.inode = inode;
}

telemetry::UniqueFd open_mapped(std::uint32_t pid, const std::string& path, const MappedFile& file, std::string& problem) {
    struct stat status {};
    telemetry::UniqueFd program = open_in(AT_FDCWD, fmt::format("/proc/{}/exe", pid).c_str());
    if (program && ::fstat(program.get(), &status) == 0 && status.st_ino == file.inode && status.st_dev == file.device)
        return program;
    telemetry::UniqueFd opened = open_in(AT_FDCWD, path.c_str());
    if (!opened) {
        problem = fmt::format("{} is not there (any more)", path);
        return {};
    }
    if (::fstat(opened.get(), &status) != 0 || status.st_ino != file.inode) {
        problem = fmt::format("{} has been replaced since the process loaded it: what is there now does not match", path);
        return {};
    }
    return opened;
}

int find_no_elf(Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; } // all were given

} // namespace

// As libdwfl finds a separate debug file: by build-id, then by the name that the program tells (.gnu_debuglink), taken only
// when its build-id, or without one its checksum, is the program's. What is there and is not taken is noted.
int Modules::find_debug_file(Dwfl_Module* module, void** user, const char* name, Dwarf_Addr base, const char* file,
                             const char* link, GElf_Word checksum, char** found) {
    const int opened = dwfl_standard_find_debuginfo(module, user, name, base, file, link, checksum, found);
    if (opened >= 0 || link == nullptr || file == nullptr || user == nullptr || *user == nullptr) return opened;
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    std::error_code ignored;
    for (const auto& place :
         {folder / link, folder / ".debug" / link, std::filesystem::path("/usr/lib/debug" + folder.string()) / link})
        if (std::filesystem::exists(place, ignored))
            static_cast<File*>(*user)->debug_problem =
                fmt::format("{} does not match, it is of another build, and was left aside", place.string());
    return opened;
}

telemetry::Status Modules::load() {
    loaded_ = std::chrono::steady_clock::now();
    const auto text = read_whole(AT_FDCWD, fmt::format("/proc/{}/maps", pid_).c_str());
    if (!text || text->empty()) {
        const bool forbidden = !text && (errno == EACCES || errno == EPERM);
        return telemetry::Error{std::make_error_code(forbidden ? std::errc::permission_denied : std::errc::no_such_process),
                                forbidden ? fmt::format("the mappings of process {} may not be read from here", pid_)
                                          : fmt::format("there is no process {}", pid_)};
    }
    static char* debug_path = nullptr; // the system's default: /usr/lib/debug, by build-id first
    static const Dwfl_Callbacks callbacks{.find_elf = find_no_elf,
                                          .find_debuginfo = find_debug_file,
                                          .section_address = nullptr,
                                          .debuginfo_path = &debug_path};
    const bool is_first = !dwfl_;
    if (is_first) dwfl_.reset(dwfl_begin(&callbacks));
    if (!dwfl_) return telemetry::Error{std::make_error_code(std::errc::not_enough_memory), "libdwfl does not start"};

    std::map<std::string, MappedFile> mapped;
    for (std::size_t begin = 0; begin < text->size();) {
        const std::size_t end = std::min(text->find('\n', begin), text->size());
        take_line(text->substr(begin, end - begin), mapped);
        begin = end + 1;
    }
    const auto program_path = fmt::format("/proc/{}/exe", pid_);
    struct stat program {};
    const bool has_program = ::stat(program_path.c_str(), &program) == 0;
    if (is_first)
        dwfl_report_begin(dwfl_.get());
    else
        dwfl_report_begin_add(dwfl_.get());
    for (const auto& [path, file] : mapped) {
        if (!file.has_code || !file.has_beginning || files_.contains(path)) continue;
        File& known = files_[path];
        known.begin = file.base;
        known.end = file.end;
        telemetry::UniqueFd opened = open_mapped(pid_, path, file, known.problem);
        if (!opened) continue;
        // It takes the descriptor over.
        Dwfl_Module* const module =
            dwfl_report_elf(dwfl_.get(), path.c_str(), path.c_str(), opened.release(), file.base, false);
        if (module == nullptr) known.problem = fmt::format("{}: {}", path, dwfl_errmsg(-1));
        void** user = nullptr;
        if (module != nullptr) dwfl_module_info(module, &user, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
        if (user != nullptr) *user = &known; // stays where it is: nodes of a map do
        if (module != nullptr && has_program && program.st_ino == file.inode) program_ = module;
    }
    dwfl_report_end(dwfl_.get(), nullptr, nullptr);
    return telemetry::success();
}

Dwfl_Module* Modules::at(std::uint64_t address, std::string& missing) {
    Dwfl_Module* module = dwfl_addrmodule(dwfl_.get(), address);
    if (module == nullptr && std::chrono::steady_clock::now() - loaded_ > std::chrono::seconds(1)) {
        if (const auto loaded = load(); !loaded) {
            missing = loaded.error().text;
            return nullptr;
        }
        module = dwfl_addrmodule(dwfl_.get(), address);
    }
    if (module != nullptr) return module;
    missing = fmt::format("{:#x} is in no file of code that the process has loaded", address);
    for (const auto& [path, file] : files_)
        if (address >= file.begin && address < file.end && !file.problem.empty()) missing = file.problem;
    return nullptr;
}

namespace {
std::string_view path_of(Dwfl_Module* module) {
    const char* const path = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    return path == nullptr ? std::string_view{} : std::string_view(path);
}
} // namespace

std::string Modules::name(Dwfl_Module* module) const {
    const std::string_view path = path_of(module);
    return std::string(path.substr(path.rfind('/') + 1));
}

bool Modules::is_of_system(Dwfl_Module* module) const {
    const std::string_view path = path_of(module);
    return module != program_ && (path.starts_with("/usr/") || path.starts_with("/lib"));
}

const std::vector<Modules::Function>& Modules::functions_of(Dwfl_Module* module) {
    const auto [known, is_new] = functions_.try_emplace(module);
    std::vector<Function>& functions = known->second;
    if (!is_new) return functions;
    const int count = dwfl_module_getsymtab(module);
    for (int i = 1; i < count; ++i) {
        GElf_Sym entry;
        GElf_Addr address = 0;
        const char* const name = dwfl_module_getsym_info(module, i, &entry, &address, nullptr, nullptr, nullptr);
        const int type = GELF_ST_TYPE(entry.st_info);
        if (name == nullptr || *name == 0 || address == 0 || (type != STT_FUNC && type != STT_GNU_IFUNC)) continue;
        const int bound = GELF_ST_BIND(entry.st_info);
        functions.push_back({address, address + entry.st_size, name, bound == STB_GLOBAL ? 2 : bound == STB_WEAK ? 1 : 0});
    }
    // Of several names of one function the best known, and of those the first in the table.
    std::ranges::stable_sort(functions, [](const Function& a, const Function& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.binding > b.binding;
    });
    const auto others = std::ranges::unique(functions, {}, &Function::begin);
    functions.erase(others.begin(), others.end());
    // What was written in assembly has no size: it ends where the next begins.
    for (std::size_t i = 0; i + 1 < functions.size(); ++i)
        if (functions[i].end == functions[i].begin) functions[i].end = functions[i + 1].begin;
    return functions;
}

std::optional<Modules::CodeSymbol> Modules::symbol_at(Dwfl_Module* module, std::uint64_t address) {
    const std::vector<Function>& functions = functions_of(module);
    const auto after = std::ranges::upper_bound(functions, address, {}, &Function::begin);
    if (after == functions.begin()) return std::nullopt;
    const Function& before = *std::prev(after);
    if (address >= before.end) return std::nullopt;
    return CodeSymbol{before.name, address - before.begin};
}

bool Modules::prepare_next() {
    if (prepared_ < 0) return false;
    const auto open = [](Dwfl_Module* module, void**, const char*, Dwarf_Addr, void* self) -> int {
        static_cast<Modules*>(self)->functions_of(module);
        Dwarf_Addr bias = 0;
        dwfl_module_eh_cfi(module, &bias);
        if (!static_cast<Modules*>(self)->is_of_system(module)) dwfl_module_getdwarf(module, &bias);
        return DWARF_CB_ABORT; // one at a time
    };
    prepared_ = dwfl_getmodules(dwfl_.get(), open, this, prepared_);
    if (prepared_ == 0) prepared_ = -1;
    return prepared_ > 0;
}

std::string Modules::debug_problem(Dwfl_Module* module) const {
    void** user = nullptr;
    if (module != nullptr) dwfl_module_info(module, &user, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    return user == nullptr || *user == nullptr ? std::string() : static_cast<const File*>(*user)->debug_problem;
}

std::optional<std::uint64_t> Modules::symbol_of_program(std::string_view symbol) const {
    if (program_ == nullptr) return std::nullopt;
    const int count = dwfl_module_getsymtab(program_);
    for (int i = 0; i < count; ++i) {
        GElf_Sym entry;
        GElf_Addr address = 0;
        const char* const name = dwfl_module_getsym_info(program_, i, &entry, &address, nullptr, nullptr, nullptr);
        if (name != nullptr && symbol == name && address != 0) return address;
    }
    return std::nullopt;
}

} // namespace connscope::observe
