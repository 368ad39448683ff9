// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/symbols.hpp"

#include "connscope/observe/anatomy/dwarf.hpp"
#include "connscope/observe/anatomy/modules.hpp"
#include "connscope/observe/anatomy/names.hpp"
#include "connscope/telemetry/clock.hpp"

#include <elfutils/libdwfl.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace connscope::observe {
namespace {

std::string full_name_of(Dwarf_Die& die) {
    Dwarf_Attribute found;
    if (dwarf_attr_integrate(&die, DW_AT_linkage_name, &found) != nullptr) return demangled(dwarf_formstring(&found));
    const char* const name = dwarf_diename(&die);
    return name == nullptr ? std::string() : std::string(name);
}

void set_file(CodePlace& place, const char* path) {
    place.file = file_name(path);
    place.system = path != nullptr && std::string_view(path).starts_with("/usr/");
}

} // namespace

struct Symbols::Impl {
    explicit Impl(std::uint32_t its_pid)
        : pid(its_pid)
        , memory(its_pid)
        , modules(its_pid) {}

    // What libdwfl asks for while it unwinds.
    struct Job {
        const Registers* registers = nullptr;
        const MemoryCopy* stack = nullptr;
        const RemoteMemory* memory = nullptr;
        std::vector<std::pair<std::uint64_t, bool>> found; // pc, is a return address
    };

    Symbol look_up(std::uint64_t address, bool after_call);
    void add_debug_places(Dwfl_Module* module, std::uint64_t at, Symbol& symbol);
    std::optional<Dwarf_Die> function_at(std::uint64_t address);
    const FunctionIndex& index_of(const Dwarf_Die& unit);
    bool attach();

    std::uint32_t pid;
    RemoteMemory memory;
    Modules modules;
    bool attached = false;
    Job job;
    std::unordered_map<std::uint64_t, Symbol> known; // by address, and one more bit for "after a call"
    std::unordered_map<std::uint64_t, std::pair<std::optional<CoroutineLayout>, std::string>> coroutines;
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::optional<Operation>> operations;
    std::map<std::string, std::optional<std::uint64_t>, std::less<>> addresses;
    std::unordered_map<const void*, FunctionIndex> indices; // by unit
    Dwarf_Die* prepared = nullptr;                          // the program's unit that was indexed last

    static constexpr std::size_t most_known = 65'536;
};

telemetry::Outcome<Symbols> Symbols::open(std::uint32_t pid) {
    auto impl = std::make_unique<Impl>(pid);
    if (auto loaded = impl->modules.load(); !loaded) return std::move(loaded).error();
    return Symbols(std::move(impl));
}

Symbols::Symbols(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Symbols::Symbols(Symbols&&) noexcept = default;
Symbols& Symbols::operator=(Symbols&&) noexcept = default;
Symbols::~Symbols() = default;

const Symbol& Symbols::at(std::uint64_t address, bool after_call) {
    const std::uint64_t key = address * 2 + (after_call ? 1 : 0);
    if (const auto found = impl_->known.find(key); found != impl_->known.end()) return found->second;
    if (impl_->known.size() >= Impl::most_known) impl_->known.clear();
    return impl_->known.emplace(key, impl_->look_up(address, after_call)).first->second;
}

Symbol Symbols::Impl::look_up(std::uint64_t address, bool after_call) {
    Symbol symbol;
    symbol.address = address;
    const std::uint64_t at = after_call ? address - 1 : address;
    Dwfl_Module* const module = modules.at(at, symbol.missing);
    if (module == nullptr) return symbol;
    symbol.module = modules.name(module);
    symbol.in_program = modules.is_program(module);

    GElf_Sym elf_symbol;
    GElf_Off offset = 0;
    const char* const name = dwfl_module_addrinfo(module, at, &offset, &elf_symbol, nullptr, nullptr, nullptr);
    if (name != nullptr) {
        symbol.full_name = demangled(name);
        symbol.offset = offset + (after_call ? 1 : 0);
    }
    add_debug_places(module, at, symbol);
    if (symbol.places.empty() && name != nullptr) symbol.places.push_back({short_function(symbol.full_name), {}, 0, false});
    if (symbol.places.empty())
        symbol.missing = fmt::format("{} has no symbol for this address", symbol.module);
    else if (symbol.places.front().file.empty())
        symbol.missing = fmt::format("{} has no line numbers here: it was built without debug information, and no file that "
                                     "matches its build-id has them",
                                     symbol.module);
    return symbol;
}

void Symbols::Impl::add_debug_places(Dwfl_Module* module, std::uint64_t at, Symbol& symbol) {
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = dwfl_module_addrdie(module, at, &bias);
    if (unit == nullptr) return;
    CodePlace place;
    if (Dwfl_Line* const line = dwfl_module_getsrc(module, at)) {
        int number = 0;
        set_file(place, dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr));
        place.line = static_cast<std::uint32_t>(std::max(number, 0));
    }
    for (Dwarf_Die& die : index_of(*unit).at(at - bias)) {
        const bool inlined = dwarf_tag(&die) == DW_TAG_inlined_subroutine;
        const std::string full = !inlined && !symbol.full_name.empty() ? symbol.full_name : full_name_of(die);
        place.function = short_function(full);
        symbol.places.push_back(place);
        if (!inlined) {
            if (symbol.full_name.empty()) symbol.full_name = full;
            return;
        }
        // Where the next outer function stands: at the call of this one.
        place = {};
        Dwarf_Files* files = nullptr;
        if (const auto file = number_of(die, DW_AT_call_file); file && dwarf_getsrcfiles(unit, &files, nullptr) == 0)
            set_file(place, dwarf_filesrc(files, *file, nullptr, nullptr));
        place.line = static_cast<std::uint32_t>(number_of(die, DW_AT_call_line).value_or(0));
    }
}

const FunctionIndex& Symbols::Impl::index_of(const Dwarf_Die& unit) {
    const auto found = indices.find(unit.cu);
    return found != indices.end() ? found->second : indices.emplace(unit.cu, FunctionIndex(unit)).first->second;
}

bool Symbols::prepare(std::chrono::nanoseconds budget) {
    if (impl_->modules.program() == nullptr) return false;
    const std::int64_t end = telemetry::monotonic_ns() + budget.count();
    do {
        Dwarf_Addr bias = 0;
        Dwarf_Die* const next = dwfl_module_nextcu(impl_->modules.program(), impl_->prepared, &bias);
        if (next == nullptr) return false;
        impl_->prepared = next;
        impl_->index_of(*next);
    } while (telemetry::monotonic_ns() < end);
    return true;
}

std::optional<Dwarf_Die> Symbols::Impl::function_at(std::uint64_t address) {
    std::string missing;
    Dwfl_Module* const module = modules.at(address, missing);
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = module == nullptr ? nullptr : dwfl_module_addrdie(module, address, &bias);
    if (unit == nullptr) return std::nullopt;
    auto functions = index_of(*unit).at(address - bias);
    if (functions.empty() || dwarf_tag(&functions.back()) != DW_TAG_subprogram) return std::nullopt;
    return functions.back();
}

// --- call stacks

bool Symbols::Impl::attach() {
    if (attached) return true;
    static const Dwfl_Thread_Callbacks callbacks{
        .next_thread = [](Dwfl*, void*, void** argument) -> pid_t {
            if (*argument != nullptr) return 0;
            *argument = argument;
            return 1;
        },
        .get_thread =
            [](Dwfl*, pid_t, void* impl, void** argument) {
                *argument = impl;
                return true;
            },
        .memory_read =
            [](Dwfl*, Dwarf_Addr address, Dwarf_Word* into, void* impl) {
                const Job& asked = static_cast<Impl*>(impl)->job;
                auto word = asked.stack->word(address);
                if (!word) word = asked.memory->value<std::uint64_t>(address);
                if (word) *into = *word;
                return word.has_value();
            },
        .set_initial_registers =
            [](Dwfl_Thread* thread, void* impl) {
                const Registers& registers = *static_cast<Impl*>(impl)->job.registers;
                for (std::size_t i = 0; i < registers.size(); ++i)
                    if (const auto value = registers[i]; value && i != register_rip) {
                        const Dwarf_Word word = *value;
                        if (!dwfl_thread_state_registers(thread, static_cast<int>(i), 1, &word)) return false;
                    }
                if (!registers[register_rip]) return false;
                dwfl_thread_state_register_pc(thread, *registers[register_rip]);
                return true;
            },
        .detach = nullptr,
        .thread_detach = nullptr,
    };
    attached = dwfl_attach_state(modules.dwfl(), nullptr, static_cast<pid_t>(pid), &callbacks, this);
    return attached;
}

CallStack Symbols::unwind(const Registers& registers, const MemoryCopy& stack) {
    constexpr std::size_t most_frames = 128;
    CallStack calls;
    if (!impl_->attach()) {
        calls.ended = fmt::format("the stack cannot be unwound: {}", dwfl_errmsg(-1));
        return calls;
    }
    impl_->job = {&registers, &stack, &impl_->memory, {}};
    const auto take = [](Dwfl_Frame* frame, void* argument) -> int {
        auto& found = static_cast<Impl*>(argument)->job.found;
        Dwarf_Addr pc = 0;
        bool is_activation = false;
        if (!dwfl_frame_pc(frame, &pc, &is_activation)) return DWARF_CB_ABORT;
        found.emplace_back(pc, !is_activation);
        return found.size() >= most_frames ? DWARF_CB_ABORT : DWARF_CB_OK;
    };
    const int ended = dwfl_getthread_frames(impl_->modules.dwfl(), 1, take, impl_.get());
    const std::string reason = ended == -1 ? dwfl_errmsg(-1) : "";
    // Where a thread or a fiber begins the unwind information ends, or goes on with what is none of its calls.
    constexpr std::array<std::string_view, 5> firsts{"make_fcontext", "__clone3", "clone", "_start", "__clone"};
    for (const auto& [pc, after_call] : impl_->job.found) {
        if (!in_code(pc)) break;
        calls.frames.push_back(at(pc, after_call));
        if (std::ranges::find(firsts, calls.frames.back().full_name) != firsts.end()) return calls;
    }
    if (calls.frames.size() >= most_frames)
        calls.ended = fmt::format("only the innermost {} calls are shown", most_frames);
    else if (ended != 0)
        calls.ended = fmt::format("further calls are not known: {}", reason.empty() ? "no unwind information" : reason);
    return calls;
}

// --- layouts

const CoroutineLayout* Symbols::coroutine(std::uint64_t resume_function, std::string& why) {
    auto known = impl_->coroutines.find(resume_function);
    if (known == impl_->coroutines.end()) {
        std::pair<std::optional<CoroutineLayout>, std::string> entry;
        if (const auto function = impl_->function_at(resume_function))
            entry.first = coroutine_layout(*function, entry.second);
        else
            entry.second = "there is no debug information for the coroutine's code";
        known = impl_->coroutines.emplace(resume_function, std::move(entry)).first;
    }
    why = known->second.second;
    return known->second.first ? &*known->second.first : nullptr;
}

std::optional<std::uint32_t> Symbols::member_of_class(std::uint64_t member_function, std::string_view member) {
    auto function = impl_->function_at(member_function);
    if (!function) return std::nullopt;
    const auto type = this_type(*function);
    return type ? member_offset(*type, member) : std::nullopt;
}

std::optional<Symbols::Operation> Symbols::operation(std::uint64_t complete_function, std::uint32_t object_bytes) {
    const std::pair key{complete_function, object_bytes};
    if (const auto known = impl_->operations.find(key); known != impl_->operations.end()) return known->second;
    std::optional<Operation> found;
    if (auto function = impl_->function_at(complete_function))
        if (const auto type = enclosing_class(*function)) {
            found.emplace();
            found->bytes = size_of(*type);
            if (const auto object = pointed_object(*type, object_bytes)) {
                found->object_type = type_name(*object);
                found->object = members_of(*object);
            }
        }
    impl_->operations.emplace(key, found);
    return found;
}

bool Symbols::in_code(std::uint64_t address) const noexcept {
    return dwfl_addrmodule(impl_->modules.dwfl(), address) != nullptr;
}

std::optional<std::uint64_t> Symbols::address_of(const char* symbol) {
    if (const auto known = impl_->addresses.find(std::string_view(symbol)); known != impl_->addresses.end())
        return known->second;
    const auto found = impl_->modules.symbol_of_program(symbol);
    impl_->addresses.emplace(symbol, found);
    return found;
}

} // namespace connscope::observe
