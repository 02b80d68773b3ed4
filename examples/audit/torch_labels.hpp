// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/torch_labels.hpp
/// Label lists in what torch.save wrote: a dict of NumPy arrays and lists of integers, as CIFAR-N's
/// *_human.pt, in the zip form and the older one. Nothing of the pickle is executed: it is read as
/// data, and whatever such a dict does not need is refused by its place in the file.
/// Formats: docs.python.org/3/library/pickletools.html, APPNOTE.TXT 4.3 of PKWARE (zip).
#ifndef LIMPID_EXAMPLES_AUDIT_TORCH_LABELS_HPP
#define LIMPID_EXAMPLES_AUDIT_TORCH_LABELS_HPP

#include "refused.hpp"

#include <cstdint>
#include <cstring>
#include <istream>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace limpid_audit {

namespace torch {

inline constexpr std::size_t largest_file = std::size_t{1} << 30;

/// A whole file and a place in it; every read is checked against `end`.
struct cursor {
  std::string_view bytes;
  std::string_view name;
  std::size_t at = 0, end = 0;

  template <class... Parts>
  [[noreturn]] void wrong(std::size_t place, Parts const&... parts) const {
    refuse(name, ": byte ", place, ": ", parts...);
  }
  std::string_view take(std::size_t count) {
    if (count > end - at) wrong(at, "needs ", count, " bytes more, has ", end - at);
    auto const part = bytes.substr(at, count);
    at += count;
    return part;
  }
  std::uint64_t number(std::size_t width) {  // little endian
    std::uint64_t value = 0;
    auto const part = take(width);
    for (std::size_t b = 0; b < width; ++b)
      value |= std::uint64_t{static_cast<unsigned char>(part[b])} << 8 * b;
    return value;
  }
  std::string_view line() {
    auto const stop = bytes.substr(0, end).find('\n', at);
    if (stop == bytes.npos) wrong(at, "needs a line, has none");
    auto const text = take(stop - at);
    ++at;
    return text;
  }
};

/// One entry of a zip archive, whose bytes are stored as they are.
struct zip_entry {
  std::size_t first = 0, size = 0;
};

inline std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t table[256];
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    table[n] = c;
  }
  std::uint32_t crc = 0xffffffffu;
  for (char const b : bytes) crc = table[(crc ^ static_cast<unsigned char>(b)) & 255] ^ crc >> 8;
  return crc ^ 0xffffffffu;
}

/// Where data.pkl lies: through the central directory, since torch leaves the sizes out before the
/// entries.
inline zip_entry find_pickle(cursor file) {
  constexpr std::size_t tail = 22, longest_comment = 65535;
  auto const& bytes = file.bytes;
  if (bytes.size() < tail) file.wrong(0, "a zip archive that ends before its directory");
  std::size_t const last = bytes.size() - tail;
  std::size_t const first = last > longest_comment ? last - longest_comment : 0;
  std::size_t end = bytes.rfind(std::string_view("PK\5\6", 4), last);
  if (end == bytes.npos || end < first)
    file.wrong(0, "a zip archive without its directory; it was cut");
  file.at = end + 10;
  std::uint64_t const entries = file.number(2);
  file.number(4);
  std::uint64_t const directory = file.number(4);
  if (directory > end) file.wrong(end + 16, "the zip directory is said to be at byte ", directory);
  file.at = static_cast<std::size_t>(directory);
  for (std::uint64_t e = 0; e < entries; ++e) {
    std::size_t const here = file.at;
    if (file.number(4) != 0x02014b50) file.wrong(here, "no entry of a zip directory");
    file.take(6);
    std::uint64_t const method = file.number(2);
    file.take(4);
    std::uint64_t const crc = file.number(4), packed = file.number(4), size = file.number(4),
                        name_length = file.number(2), extra = file.number(2),
                        comment = file.number(2);
    file.take(8);
    std::uint64_t const local = file.number(4);
    auto const name = file.take(static_cast<std::size_t>(name_length));
    file.take(static_cast<std::size_t>(extra + comment));
    if (name != "data.pkl" && !name.ends_with("/data.pkl")) continue;
    if (method != 0 || packed != size)
      file.wrong(here, shown(name), " is compressed; torch.save stores it as it is");
    if (local > bytes.size()) file.wrong(here, shown(name), " is said to be at byte ", local);
    file.at = static_cast<std::size_t>(local);
    if (file.number(4) != 0x04034b50)
      file.wrong(static_cast<std::size_t>(local), "no entry of a zip archive");
    file.take(22);
    std::uint64_t const skip = file.number(2);
    file.take(static_cast<std::size_t>(skip + file.number(2)));
    zip_entry const found{file.at, static_cast<std::size_t>(size)};
    if (crc32(file.take(found.size)) != crc)
      file.wrong(found.first, shown(name), " is damaged: its checksum differs");
    return found;
  }
  file.wrong(static_cast<std::size_t>(directory),
             "the zip archive has no data.pkl; torch.save writes one");
}

/// Bytes of the file: as they stand, or as UTF-8 whose characters are bytes.
struct slice {
  std::size_t first = 0, size = 0;
  bool utf8 = false;
};

/// A value of the pickle. Others are named by their place in the list of all.
struct value {
  enum kind_t {
    none,
    truth,
    integer,
    large,
    text,
    tuple,
    list,
    dict,
    global,
    array,
    dtype
  } kind = none;
  std::int64_t number = 0;         ///< integer, truth
  slice bytes;                     ///< text, large; array: its elements
  std::string_view name;           ///< global; dtype: f8, i4...
  std::vector<std::size_t> parts;  ///< tuple, list; dict: key, value, ...; array: shape
  std::size_t type = 0;            ///< array: its dtype
  char order = '|';                ///< dtype: <, > or |
  bool built = false;              ///< array, dtype: its state is known
};

/// Reads one pickle, and knows what a dict of numbers and NumPy arrays is written with.
class unpickler {
 public:
  explicit unpickler(cursor& in) : in_(in) {}

  /// The value's place in all().
  std::size_t run() {
    for (;;) {
      std::size_t const here = in_.at;
      auto const code = static_cast<unsigned char>(in_.take(1)[0]);
      if (code == '.') break;
      step(code, here);
    }
    if (stack_.size() != 1)
      in_.wrong(in_.at - 1, "the pickle ends with ", stack_.size(), " values, not one");
    return stack_[0];
  }
  value const& operator[](std::size_t at) const { return all_[at]; }

 private:
  static constexpr std::size_t mark = static_cast<std::size_t>(-1);

  void step(unsigned char code, std::size_t here) {
    switch (code) {
      case 0x80:  // PROTO
        if (std::uint64_t const version = in_.number(1); version > 5)
          in_.wrong(here, "pickle protocol ", version, " is not known");
        return;
      case 0x95:
        in_.number(8);
        return;  // FRAME
      case '(':
        stack_.push_back(mark);
        return;
      case 'N':
        push({});
        return;
      case 0x88:
      case 0x89:
        return push_number(value::truth, code == 0x88);
      case 'K':
        return push_number(value::integer, static_cast<std::int64_t>(in_.number(1)));
      case 'M':
        return push_number(value::integer, static_cast<std::int64_t>(in_.number(2)));
      case 'J':
        return push_number(value::integer, static_cast<std::int32_t>(in_.number(4)));
      case 0x8a:
        return push_long();
      case 'X':
        return push_text(in_.number(4), true);
      case 0x8c:
        return push_text(in_.number(1), true);
      case 0x8d:
        return push_text(in_.number(8), true);
      case 'T':
      case 'B':
        return push_text(in_.number(4), false);
      case 'U':
      case 'C':
        return push_text(in_.number(1), false);
      case 0x8e:
        return push_text(in_.number(8), false);
      case ')':
        return push_parts(value::tuple, {});
      case 0x85:
      case 0x86:
      case 0x87:
        return push_parts(value::tuple, pop(code - 0x84u, here));
      case 't':
        return push_parts(value::tuple, pop_to_mark(here));
      case '}':
        return push_parts(value::dict, {});
      case ']':
        return push_parts(value::list, {});
      case 'a':
        return append(pop(1, here), here);
      case 'e':
        return append(pop_to_mark(here), here);
      case 's':
        return set_items(pop(2, here), here);
      case 'u':
        return set_items(pop_to_mark(here), here);
      case 'c': {
        auto const module = in_.line();
        return push_global(module, in_.line(), here);
      }
      case 0x93: {
        auto const names = pop(2, here);
        return push_global(string(names[0], here), string(names[1], here), here);
      }
      case 'R':
        return reduce(here);
      case 'b':
        return build(here);
      case 'q':
        memo_[in_.number(1)] = top(here);
        return;
      case 'r':
        memo_[in_.number(4)] = top(here);
        return;
      case 0x94: {
        auto const index = memo_.size();
        memo_[index] = top(here);
        return;
      }
      case 'h':
        return recall(in_.number(1), here);
      case 'j':
        return recall(in_.number(4), here);
      case 'Q':
      case 'P':
        in_.wrong(here, "a tensor (a persistent id); NumPy arrays are read");
      default:
        in_.wrong(here, "opcode ", int{code}, " is none that a dict of arrays needs");
    }
  }

  void push(value v) {
    stack_.push_back(all_.size());
    all_.push_back(std::move(v));
  }
  void push_number(value::kind_t kind, std::int64_t number) {
    value v;
    v.kind = kind;
    v.number = number;
    push(std::move(v));
  }
  void push_long() {
    auto const width = static_cast<std::size_t>(in_.number(1));
    std::size_t const first = in_.at;
    if (width > 8) {
      value v;
      v.kind = value::large;
      v.bytes = {first, width};
      in_.take(width);
      return push(std::move(v));
    }
    std::uint64_t bits = in_.number(width);
    if (width && width < 8 && bits >> (8 * width - 1)) bits |= ~std::uint64_t{0} << 8 * width;
    push_number(value::integer, static_cast<std::int64_t>(bits));
  }
  void push_text(std::uint64_t size, bool utf8) {
    if (size > in_.end - in_.at)
      in_.wrong(in_.at, "text of ", size, " bytes; ", in_.end - in_.at, " follow");
    value v;
    v.kind = value::text;
    v.bytes = {in_.at, static_cast<std::size_t>(size), utf8};
    in_.take(v.bytes.size);
    push(std::move(v));
  }
  void push_parts(value::kind_t kind, std::vector<std::size_t> parts) {
    value v;
    v.kind = kind;
    v.parts = std::move(parts);
    push(std::move(v));
  }
  void push_global(std::string_view module, std::string_view what, std::size_t here) {
    bool const numpy = module == "numpy.core.multiarray" || module == "numpy._core.multiarray";
    value v;
    v.kind = value::global;
    if (numpy && what == "_reconstruct")
      v.name = "reconstruct";
    else if (module == "numpy" && what == "ndarray")
      v.name = "ndarray";
    else if (module == "numpy" && what == "dtype")
      v.name = "dtype";
    else if (module == "_codecs" && what == "encode")
      v.name = "encode";
    else
      in_.wrong(here, "asks for ", shown(std::string(module) + "." + std::string(what)),
                "; only NumPy arrays are read, and nothing is executed");
    push(std::move(v));
  }
  std::size_t top(std::size_t here) const {
    if (stack_.empty() || stack_.back() == mark) in_.wrong(here, "needs a value; there is none");
    return stack_.back();
  }
  void recall(std::uint64_t index, std::size_t here) {
    auto const found = memo_.find(index);
    if (found == memo_.end()) in_.wrong(here, "recalls value ", index, ", which was not kept");
    stack_.push_back(found->second);
  }
  std::vector<std::size_t> pop(std::size_t count, std::size_t here) {
    std::vector<std::size_t> out(count);
    for (std::size_t i = count; i-- > 0;) {
      out[i] = top(here);
      stack_.pop_back();
    }
    return out;
  }
  std::vector<std::size_t> pop_to_mark(std::size_t here) {
    std::size_t first = stack_.size();
    while (first > 0 && stack_[first - 1] != mark) --first;
    if (!first) in_.wrong(here, "needs a mark; there is none");
    std::vector<std::size_t> out(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
    stack_.resize(first - 1);
    return out;
  }
  value const& as(std::size_t at, value::kind_t kind, char const* what, std::size_t here) const {
    if (all_[at].kind != kind) in_.wrong(here, "needs ", what);
    return all_[at];
  }
  std::string_view string(std::size_t at, std::size_t here) const {
    auto const& text = as(at, value::text, "a text", here).bytes;
    return in_.bytes.substr(text.first, text.size);
  }

  void append(std::vector<std::size_t> const& items, std::size_t here) {
    auto& into = all_[top(here)];
    if (into.kind != value::list) in_.wrong(here, "needs a list");
    into.parts.insert(into.parts.end(), items.begin(), items.end());
  }
  void set_items(std::vector<std::size_t> const& items, std::size_t here) {
    auto& into = all_[top(here)];
    if (into.kind != value::dict || items.size() % 2)
      in_.wrong(here, "needs a dict and pairs for it");
    into.parts.insert(into.parts.end(), items.begin(), items.end());
  }
  void reduce(std::size_t here) {
    auto const call = pop(2, here);
    auto const name = as(call[0], value::global, "a function", here).name;
    auto const arguments = as(call[1], value::tuple, "arguments", here).parts;
    value v;
    if (name == "encode" && arguments.size() == 2) {
      if (auto const how = string(arguments[1], here); how != "latin1" && how != "latin-1")
        in_.wrong(here, "bytes encoded as ", shown(how), "; latin1 is read");
      v.kind = value::text;
      v.bytes = as(arguments[0], value::text, "a text", here).bytes;
    } else if (name == "reconstruct" && arguments.size() == 3) {
      if (as(arguments[0], value::global, "numpy.ndarray", here).name != "ndarray")
        in_.wrong(here, "needs numpy.ndarray");
      v.kind = value::array;
    } else if (name == "dtype" && !arguments.empty()) {
      v.kind = value::dtype;
      v.name = string(arguments[0], here);
    } else {
      in_.wrong(here, "a call that makes no array");
    }
    push(std::move(v));
  }
  void build(std::size_t here) {
    auto const operands = pop(2, here);
    auto const state =
        as(operands[1], value::tuple, "the state of an array or of its type", here).parts;
    auto& v = all_[operands[0]];
    stack_.push_back(operands[0]);
    if (v.kind == value::dtype && state.size() >= 2) {
      auto const order = string(state[1], here);
      if (order != "<" && order != ">" && order != "|")
        in_.wrong(here, "byte order ", shown(order));
      v.order = order[0];
    } else if (v.kind == value::array && state.size() == 5) {
      auto const& shape = as(state[1], value::tuple, "a shape", here).parts;
      v.parts.clear();
      for (std::size_t const extent : shape) {
        auto const size = as(extent, value::integer, "an extent", here).number;
        if (size < 0) in_.wrong(here, "an array's extent is ", size);
        v.parts.push_back(static_cast<std::size_t>(size));
      }
      as(state[2], value::dtype, "an array's type", here);
      v.type = state[2];
      v.bytes = as(state[4], value::text, "an array's bytes; Python objects are never loaded", here)
                    .bytes;
    } else {
      in_.wrong(here, "a state that is no array's");
    }
    v.built = true;
  }

  cursor& in_;
  std::vector<std::size_t> stack_;
  std::vector<value> all_;
  std::unordered_map<std::uint64_t, std::size_t> memo_;
};

/// A slice's bytes.
inline std::string decoded(cursor const& file, slice const& from) {
  auto const raw = file.bytes.substr(from.first, from.size);
  if (!from.utf8) return std::string(raw);
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    auto const byte = static_cast<unsigned char>(raw[i]);
    if (byte < 0x80) {
      out += raw[i];
      continue;
    }
    auto const next = i + 1 < raw.size() ? static_cast<unsigned char>(raw[i + 1]) : 0u;
    if ((byte != 0xc2 && byte != 0xc3) || (next & 0xc0) != 0x80)
      file.wrong(from.first + i, "an array's bytes hold a character that is no byte");
    out += static_cast<char>((byte & 3u) << 6 | (next & 0x3fu));
    ++i;
  }
  return out;
}

template <class Raw>
std::vector<std::int64_t> integers(std::string const& bytes, bool swap) {
  std::vector<std::int64_t> out(bytes.size() / sizeof(Raw));
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint64_t bits = 0;
    for (std::size_t b = 0; b < sizeof(Raw); ++b) {
      std::size_t const at = swap ? sizeof(Raw) - 1 - b : b;
      bits |= std::uint64_t{static_cast<unsigned char>(bytes[i * sizeof(Raw) + at])} << 8 * b;
    }
    auto const raw = static_cast<Raw>(bits);
    if constexpr (std::is_same_v<Raw, std::uint64_t>)
      out[i] = static_cast<std::int64_t>(raw >> 63 ? ~std::uint64_t{0} >> 1 : raw);
    else
      out[i] = static_cast<std::int64_t>(raw);
  }
  return out;
}

/// Whole numbers, from a list or an array; a single column counts as one.
inline std::vector<std::int64_t> list_of(cursor const& file, unpickler const& all, value const& v,
                                         std::string_view key) {
  auto const what = [&] { return std::string(file.name) + ": " + shown(key); };
  if (v.kind == value::list) {
    std::vector<std::int64_t> out;
    out.reserve(v.parts.size());
    for (std::size_t const part : v.parts) {
      if (all[part].kind != value::integer)
        refuse(what(), ": element ", out.size(), " is no integer that fits 64 bits");
      out.push_back(all[part].number);
    }
    if (out.empty()) refuse(what(), " is empty");
    return out;
  }
  if (v.kind != value::array || !v.built) refuse(what(), " is no NumPy array and no list");
  if (!(v.parts.size() == 1 || (v.parts.size() == 2 && v.parts[1] == 1)))
    refuse(what(), " is ", v.parts.size(), "-dimensional; labels are a list");
  auto const& type = all[v.type];
  static constexpr std::string_view kinds[] = {"b1", "i1", "u1", "i2", "u2",
                                               "i4", "u4", "i8", "u8"};
  bool known = false;
  for (auto const kind : kinds) known |= type.name == kind;
  if (!known) refuse(what(), " holds ", shown(type.name), "; labels must be integers");
  auto bytes = decoded(file, v.bytes);
  auto const width = static_cast<std::size_t>(type.name[1] - '0');
  if (v.parts[0] != bytes.size() / width || bytes.size() % width)
    refuse(what(), " has ", bytes.size(), " bytes for ", v.parts[0], " labels of ", width);
  if (bytes.empty()) refuse(what(), " is empty");
  bool const swap = type.order == '>', is_signed = type.name[0] == 'i';
  if (width == 1)
    return is_signed ? integers<std::int8_t>(bytes, swap) : integers<std::uint8_t>(bytes, swap);
  if (width == 2)
    return is_signed ? integers<std::int16_t>(bytes, swap) : integers<std::uint16_t>(bytes, swap);
  if (width == 4)
    return is_signed ? integers<std::int32_t>(bytes, swap) : integers<std::uint32_t>(bytes, swap);
  return is_signed ? integers<std::int64_t>(bytes, swap) : integers<std::uint64_t>(bytes, swap);
}

}  // namespace torch

/// The labels under `key`; an empty or unknown key is refused with the names of those that are
/// there.
inline std::vector<std::int64_t> read_torch_labels(std::istream& in, std::string const& name,
                                                   std::string const& key) {
  using namespace torch;
  in.seekg(0, std::ios::end);
  auto const length = in.tellg();
  in.seekg(0);
  if (!in || length < 0) refuse(name, ": cannot be read as a file");
  auto const size = static_cast<std::size_t>(length);
  if (size > largest_file)
    refuse(name, ": has ", size, " bytes; a file of labels has at most ", largest_file);
  std::string bytes(size, ' ');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size)))
    refuse(name, ": cannot be read to its end");

  cursor file{bytes, name, 0, size};
  if (bytes.starts_with("PK\3\4")) {
    auto const entry = find_pickle(file);
    file.at = entry.first;
    file.end = entry.first + entry.size;
  } else if (!bytes.starts_with('\x80')) {
    refuse(name, ": byte 0: neither a zip archive nor a pickle; a file of torch.save is needed");
  }
  unpickler first(file);
  std::size_t at = first.run();
  // The older form: a number that says so, the version, the machine, the dict; each a pickle of its
  // own.
  constexpr std::string_view magic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
  bool const old_form = first[at].kind == value::large &&
                        file.bytes.substr(first[at].bytes.first, first[at].bytes.size) == magic;
  unpickler last(file);
  if (old_form) {
    std::size_t const here = file.at;
    unpickler version(file);
    auto const& stated = version[version.run()];
    if (stated.kind != value::integer || stated.number != 1001)
      file.wrong(here, "a version of torch's format that is not known");
    unpickler(file).run();
    at = last.run();
  }
  unpickler const& all = old_form ? last : first;
  if (all[at].kind != value::dict)
    refuse(name, ": holds no dict; labels are taken from one by their key");
  auto const& pairs = all[at].parts;
  std::string keys;
  std::size_t found = pairs.size();
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    auto const& text = all[pairs[i]];
    if (text.kind != value::text) continue;
    auto const word = file.bytes.substr(text.bytes.first, text.bytes.size);
    if (word == key) found = i + 1;
    if (keys.size() < 400) keys += (keys.empty() ? "" : ", ") + shown(word);
  }
  if (key.empty()) refuse(name, ": say which labels: ", keys);
  if (found == pairs.size())
    refuse(name, ": has no ", shown(key), "; it has ", keys.empty() ? "nothing" : keys);
  return list_of(file, all, all[pairs[found]], key);
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_TORCH_LABELS_HPP
