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

bool is_system(const char* path) { return path != nullptr && std::string_view(path).starts_with("/usr/"); }

void set_file(CodePlace& place, const char* path) {
    place.file = file_name(path);
    place.system = is_system(path);
    if (path != nullptr) place.folder = std::string_view(path).substr(0, std::string_view(path).rfind('/') + 1);
}

} // namespace

struct Symbols::Impl {
    explicit Impl(std::uint32_t its_pid)
        : pid(its_pid)
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
    template <class Find>
    std::optional<Object> object(std::uint64_t function, std::uint32_t bytes, Find find);
    bool attach();
    bool prepare_next();
    const std::pair<std::optional<CoroutineLayout>, std::string>& describe_coroutine(std::uint64_t resume_function);
    std::string why_undescribed() const;

    std::uint32_t pid;
    Modules modules;
    bool attached = false;
    Job job;
    std::unordered_map<std::uint64_t, Symbol> known; // by address, and one more bit for "after a call"
    std::unordered_map<std::uint64_t, std::pair<std::optional<CoroutineLayout>, std::string>> coroutines;
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::optional<Object>> objects; // by function and bytes
    std::unordered_map<std::uint64_t, std::vector<Variable>> variables;               // by address
    std::map<std::string, std::optional<std::uint64_t>, std::less<>> addresses;
    std::unordered_map<const void*, FunctionIndex> indices; // by unit
    std::vector<std::uint64_t> coroutines_left;             // of that unit, to be described
    bool lines_left = false;                                // of that unit, to be read
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

    const auto function = modules.symbol_at(module, at);
    if (function) {
        symbol.full_name = demangled(function->name);
        symbol.offset = function->offset + (after_call ? 1 : 0);
    }
    const bool of_system = modules.is_of_system(module);
    if (!of_system) add_debug_places(module, at, symbol);
    if (symbol.places.empty() && function) symbol.places.push_back({short_function(symbol.full_name), {}, 0, false});
    if (!symbol.places.empty() && (of_system || !symbol.places.front().file.empty())) return symbol;
    const std::string problem = modules.debug_problem(module);
    if (symbol.places.empty())
        symbol.missing = fmt::format("{} has no symbol for this address", symbol.module);
    else
        symbol.missing = fmt::format("{} has no line numbers here: it was built without debug information", symbol.module);
    symbol.missing += problem.empty() ? ", and no file that matches its build-id has them" : "; " + problem;
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

// One step, some milliseconds: a module; or of a unit of the program's its functions, its lines, or a coroutine.
bool Symbols::Impl::prepare_next() {
    if (modules.prepare_next()) return true;
    if (!coroutines_left.empty()) {
        describe_coroutine(coroutines_left.back());
        coroutines_left.pop_back();
        return true;
    }
    if (modules.program() == nullptr) return false;
    if (lines_left) {
        Dwarf_Lines* lines = nullptr;
        std::size_t count = 0;
        dwarf_getsrclines(prepared, &lines, &count); // kept with the unit
        lines_left = false;
        return true;
    }
    Dwarf_Addr bias = 0;
    Dwarf_Die* const next = dwfl_module_nextcu(modules.program(), prepared, &bias);
    if (next == nullptr) return false;
    prepared = next;
    coroutines_left = index_of(*next).coroutines();
    for (std::uint64_t& resume_function : coroutines_left) resume_function += bias;
    lines_left = true;
    return true;
}

bool Symbols::prepare(std::chrono::nanoseconds budget) {
    const std::int64_t end = telemetry::monotonic_ns() + budget.count();
    impl_->attach();
    while (impl_->prepare_next())
        if (telemetry::monotonic_ns() >= end) return true;
    return false;
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

template <class Find>
std::optional<Symbols::Object> Symbols::Impl::object(std::uint64_t function, std::uint32_t bytes, Find find) {
    const auto [found, is_new] = objects.try_emplace({function, bytes});
    if (is_new)
        if (auto entry = function_at(function)) found->second = find(*entry);
    return found->second;
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

CallStack Symbols::unwind(const Registers& registers, const MemoryCopy& stack, const RemoteMemory& memory) {
    constexpr std::size_t most_frames = 128;
    CallStack calls;
    if (!impl_->attach()) {
        calls.ended = fmt::format("the stack cannot be unwound: {}", dwfl_errmsg(-1));
        return calls;
    }
    impl_->job = {&registers, &stack, &memory, {}};
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

const std::pair<std::optional<CoroutineLayout>, std::string>&
Symbols::Impl::describe_coroutine(std::uint64_t resume_function) {
    const auto [described, is_new] = coroutines.try_emplace(resume_function);
    auto& [layout, why] = described->second;
    if (!is_new) return described->second;
    if (const auto function = function_at(resume_function))
        layout = coroutine_layout(*function, why);
    else
        why = why_undescribed();
    return described->second;
}

const CoroutineLayout* Symbols::coroutine(std::uint64_t resume_function, std::string& why) {
    const auto& described = impl_->describe_coroutine(resume_function);
    why = described.second;
    return described.first ? &*described.first : nullptr;
}

std::optional<std::uint32_t> Symbols::member_of_class(std::uint64_t member_function, std::string_view member) {
    auto function = impl_->function_at(member_function);
    if (!function) return std::nullopt;
    const auto type = this_type(*function);
    return type ? member_offset(*type, member) : std::nullopt;
}

std::optional<Symbols::Object> Symbols::operation(std::uint64_t complete_function, std::uint32_t bytes) {
    return impl_->object(complete_function, bytes, [bytes](Dwarf_Die& function) -> std::optional<Object> {
        const auto operation = enclosing_class(function);
        if (!operation) return std::nullopt;
        const auto object = pointed_object(*operation, bytes);
        return Object{object ? type_name(*object) : std::string(), object ? members_of(*object) : std::vector<Member>(),
                      size_of(*operation)};
    });
}

std::optional<Symbols::Object> Symbols::argument(std::uint64_t function_address, std::uint32_t bytes) {
    return impl_->object(function_address, bytes, [bytes](Dwarf_Die& function) -> std::optional<Object> {
        const auto object = parameter_object(function, bytes);
        if (!object) return std::nullopt;
        return Object{type_name(*object), members_of(*object)};
    });
}

const std::vector<Variable>& Symbols::variables(std::uint64_t address, bool after_call) {
    const std::uint64_t at = after_call ? address - 1 : address;
    if (const auto known = impl_->variables.find(at); known != impl_->variables.end()) return known->second;
    std::vector<Variable> found;
    std::string missing;
    Dwfl_Module* const module = impl_->modules.at(at, missing);
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = module == nullptr ? nullptr : dwfl_module_addrdie(module, at, &bias);
    if (unit != nullptr)
        for (Dwarf_Die& function : impl_->index_of(*unit).at(at - bias)) {
            const char* const file = dwarf_decl_file(&function);
            if (is_system(file)) continue;
            auto of_this = variables_of(function, at - bias);
            found.insert(found.end(), std::make_move_iterator(of_this.begin()), std::make_move_iterator(of_this.end()));
        }
    return impl_->variables.emplace(at, std::move(found)).first->second;
}

std::string Symbols::Impl::why_undescribed() const {
    const std::string problem = modules.debug_problem(modules.program());
    return "there is no debug information for it" + (problem.empty() ? std::string() : ": " + problem);
}

std::string Symbols::why_undescribed() const { return impl_->why_undescribed(); }

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
