// SPDX-License-Identifier: BSL-1.0
#include "torch_labels.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace limpid_audit;

namespace {

using labels = std::vector<std::int64_t>;

// What torch.save(..., _use_new_zipfile_serialization=False) writes of
//   {'clean_label': array([0, 1, 2, 9]), 'worse_label': array([0, 3, 200, 9]),   # int64
//    'noisy_label': array([1, 130, 3], dtype='>i2')}
// : pickles, one behind another, by pickle of CPython 3.11 and NumPy 2.4.6.
constexpr std::string_view old_form_hex =
    "80028a0a6cfc9c46f9206aa850192e80024de9032e80027d710028581000000070726f746f636f6c5f76657273696f"
    "6e7101"
    "4de903580d0000006c6974746c655f656e6469616e710288580a000000747970655f73697a657371037d7104285805"
    "000000"
    "73686f727471054b025803000000696e7471064b0458040000006c6f6e6771074b0475752e80027d710028580b0000"
    "00636c"
    "65616e5f6c6162656c7101636e756d70792e5f636f72652e6d756c746961727261790a5f7265636f6e737472756374"
    "0a7102"
    "636e756d70790a6e6461727261790a71034b00857104635f636f646563730a656e636f64650a710558010000006271"
    "065806"
    "0000006c6174696e31710786710852710987710a52710b284b014b0485710c636e756d70790a64747970650a710d58"
    "020000"
    "006938710e898887710f527110284b0358010000003c71114e4e4e4affffffff4affffffff4b007471126289680558"
    "200000"
    "0000000000000000000100000000000000020000000000000009000000000000007113680786711452711574711662"
    "580b00"
    "0000776f7273655f6c6162656c7117680268034b00857118680987711952711a284b014b0485711b68108968055821"
    "000000"
    "00000000000000000300000000000000c388000000000000000900000000000000711c680786711d52711e74711f62"
    "580b00"
    "00006e6f6973795f6c6162656c7120680268034b008571216809877122527123284b014b03857124680d5802000000"
    "693271"
    "258988877126527127284b0358010000003e71284e4e4e4affffffff4affffffff4b00747129628968055807000000"
    "000100"
    "c2820003712a680786712b52712c74712d62752e80025d71002e";

std::string old_form() {
  std::string out;
  auto const digit = [](char c) { return c < 'a' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < old_form_hex.size(); i += 2)
    out += static_cast<char>(digit(old_form_hex[i]) * 16 + digit(old_form_hex[i + 1]));
  return out;
}
/// The dict alone: the fourth of the pickles, up to the empty list behind it.
std::string dict_pickle() {
  auto const all = old_form();
  auto const from = all.find("\x80\x02}q", all.find("type_sizes")), to = all.rfind("\x80\x02]");
  return all.substr(from, to - from);
}

std::string little(std::uint64_t value, int width) {
  std::string out;
  for (int b = 0; b < width; ++b) out += static_cast<char>(value >> 8 * b & 255);
  return out;
}
struct zipped {
  std::string name = "CIFAR-10_human/data.pkl";
  int method = 0;
  std::uint32_t crc_change = 0;
  /// As torch lays it out: no sizes before the data but behind it, and an extra field that aligns
  /// them.
  std::string operator()(std::string const& data) const {
    auto const crc = torch::crc32(data) ^ crc_change;
    auto const size = data.size();
    std::string out = "PK\3\4" + little(0, 2) + little(0x808, 2) + std::string(18, '\0') +
                      little(name.size(), 2) + little(9, 2) + name + "FB" + little(5, 2) + "ZZZZZ" +
                      data + "PK\7\b" + little(crc, 4) + little(size, 4) + little(size, 4);
    auto const directory = out.size();
    std::string const rest = "CIFAR-10_human/version";
    auto const entry = [](std::string const& file, int packing, std::uint32_t sum,
                          std::size_t bytes) {
      return "PK\1\2" + little(0, 4) + little(0x808, 2) +
             little(static_cast<unsigned>(packing), 2) + little(0, 4) + little(sum, 4) +
             little(bytes, 4) + little(bytes, 4) + little(file.size(), 2) + std::string(16, '\0') +
             file;
    };
    out += entry(rest, 0, 0, 0) + entry(name, method, crc, size);
    return out + "PK\5\6" + little(0, 4) + little(2, 2) + little(2, 2) +
           little(out.size() - directory, 4) + little(directory, 4) + little(0, 2);
  }
};

labels read(std::string const& content, std::string const& key) {
  std::istringstream in(content);
  return read_torch_labels(in, "y.pt", key);
}
/// A dict of one entry, 'y', of the given opcodes.
std::string dict(std::string const& opcodes) {
  using namespace std::string_literals;
  return "\x80\2}X\1\0\0\0y"s + opcodes + "s.";
}
std::string text(std::string const& bytes) {
  return "T" + little(bytes.size(), 4) + bytes;
}
struct array {  // as Python 2 wrote it
  std::string type = "u1", order = "|", shape = "K\2\x85", bytes = {1, 2}, state_end = "t";
  std::string build() const {
    using namespace std::string_literals;
    return "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1"s + shape +
           "cnumpy\ndtype\n" + text(type) + "K\0K\1\x87R(K\3"s + text(order) +
           "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"s + text(bytes) + state_end + "b";
  }
};

}  // namespace

TEST_CASE("torch_labels: both forms of torch.save, and the pickle alone") {
  for (auto const& file :
       {old_form(), zipped{}(dict_pickle()), zipped{"data.pkl"}(dict_pickle()), dict_pickle()}) {
    CHECK(read(file, "clean_label") == labels{0, 1, 2, 9});
    CHECK(read(file, "worse_label") == labels{0, 3, 200, 9});
    CHECK(read(file, "noisy_label") == labels{1, 130, 3});
    CHECK_THROWS_WITH_AS(
        read(file, "aggre_label"),
        "y.pt: has no 'aggre_label'; it has 'clean_label', 'worse_label', 'noisy_label'", refused);
    CHECK_THROWS_WITH_AS(read(file, ""),
                         "y.pt: say which labels: 'clean_label', 'worse_label', 'noisy_label'",
                         refused);
  }
  CHECK(torch::crc32("123456789") == 0xcbf43926u);  // of the standard
}

TEST_CASE("torch_labels: every integer, both endians, a column") {
  struct one {
    char const* type;
    std::string bytes;
    std::int64_t value;
  };
  std::string const high(8, '\xff');
  for (auto const& t : {one{"i1", "\xfe", -2},
                        {"u1", "\xfe", 254},
                        {"b1", "\1", 1},
                        {"i2", "\xfe\xff", -2},
                        {"u2", "\xfe\xff", 65534},
                        {"i4", "\xfe\xff\xff\xff", -2},
                        {"u4", "\xfe\xff\xff\xff", 4294967294},
                        {"i8", high, -1},
                        {"u8", high, INT64_MAX}}) {
    CAPTURE(t.type);
    array a{t.type, "<", "K\1\x85", t.bytes};
    CHECK(read(dict(a.build()), "y") == labels{t.value});
    a.order = ">";
    a.bytes.assign(t.bytes.rbegin(), t.bytes.rend());
    CHECK(read(dict(a.build()), "y") == labels{t.value});
  }
  array column;
  column.shape = "K\2K\1\x86";
  CHECK(read(dict(column.build()), "y") == labels{1, 2});
}

TEST_CASE("torch_labels: lists of integers, as CIFAR-100N's coarse labels are") {
  using namespace std::string_literals;
  CHECK(read(dict("](K\1M\0\1J\xff\xff\xff\xff"
                  "e"s),
             "y") == labels{1, 256, -1});
  CHECK(read(dict("]K\3a"s), "y") == labels{3});
  CHECK_THROWS_WITH_AS(read(dict("](K\1Ne"s), "y"),
                       "y.pt: 'y': element 1 is no integer that fits 64 bits", refused);
  CHECK_THROWS_WITH_AS(read(dict("]"s), "y"), "y.pt: 'y' is empty", refused);
  CHECK_THROWS_WITH_AS(read(dict(")K\3a"s), "y"), "y.pt: byte 12: needs a list", refused);
}

TEST_CASE("torch_labels: protocol 4, by its own opcodes") {
  using namespace std::string_literals;
  auto const word = [](std::string const& s) { return "\x8c" + little(s.size(), 1) + s; };
  std::string const pickle = "\x80\4\x95"s + little(99, 8) + "}\x94(" + word("y") + "\x94" +
                             word("numpy._core.multiarray") + "\x94" + word("_reconstruct") +
                             "\x94\x93\x94" + word("numpy") + word("ndarray") +
                             "\x93\x94K\0\x85\x94"s + "C\1b" + "\x94\x87\x94R\x94(K\1K\2\x85\x94" +
                             word("numpy") + word("dtype") + "\x93\x94" + word("i1") +
                             "\x94\x89\x88\x87\x94R\x94(K\3" + word("|") +
                             "\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94"s + "b\x89" +
                             "C\2\5\6" + "\x94t\x94" + "bu.";
  CHECK(read(pickle, "y") == labels{5, 6});
}

TEST_CASE("torch_labels: nothing else is read, and nothing is executed") {
  using namespace std::string_literals;
  CHECK_THROWS_WITH_AS(
      read("\x80\2cos\nsystem\nX\2\0\0\0ls\x85R."s, "y"),
      "y.pt: byte 2: asks for 'os.system'; only NumPy arrays are read, and nothing is executed",
      refused);
  CHECK_THROWS_WITH_AS(read("\x80\4\x8c\10builtins\x8c\4eval\x93."s, "y"),
                       "y.pt: byte 18: asks for 'builtins.eval'; only NumPy arrays are read, and "
                       "nothing is executed",
                       refused);
  CHECK_THROWS_WITH_AS(read("\x80\2\x8f."s, "y"),
                       "y.pt: byte 2: opcode 143 is none that a dict of arrays needs", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2K\1Q."s, "y"),
                       "y.pt: byte 4: a tensor (a persistent id); NumPy arrays are read", refused);
  CHECK_THROWS_WITH_AS(read("\x80\6N."s, "y"), "y.pt: byte 0: pickle protocol 6 is not known",
                       refused);
  CHECK_THROWS_WITH_AS(read("\x80\2cnumpy\ndtype\n)R."s, "y"),
                       "y.pt: byte 16: a call that makes no array", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2h\3."s, "y"),
                       "y.pt: byte 2: recalls value 3, which was not kept", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2t."s, "y"), "y.pt: byte 2: needs a mark; there is none",
                       refused);
  CHECK_THROWS_WITH_AS(read("\x80\2R."s, "y"), "y.pt: byte 2: needs a value; there is none",
                       refused);
  CHECK_THROWS_WITH_AS(read("\x80\2NN."s, "y"),
                       "y.pt: byte 4: the pickle ends with 2 values, not one", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2K\1."s, "y"),
                       "y.pt: holds no dict; labels are taken from one by their key", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2X\xff\xff\xff\xff."s, "y"),
                       "y.pt: byte 7: text of 4294967295 bytes; 1 follow", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2\x8e"s + std::string(8, '\xff') + ".", "y"),
                       "y.pt: byte 11: text of 18446744073709551615 bytes; 1 follow", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2}"s, "y"), "y.pt: byte 3: needs 1 bytes more, has 0", refused);
  CHECK_THROWS_WITH_AS(read("\x80\2}."s, "y"), "y.pt: has no 'y'; it has nothing", refused);
  CHECK_THROWS_WITH_AS(
      read("", "y"),
      "y.pt: byte 0: neither a zip archive nor a pickle; a file of torch.save is needed", refused);
  CHECK_THROWS_WITH_AS(
      read("\x93NUMPY", "y"),
      "y.pt: byte 0: neither a zip archive nor a pickle; a file of torch.save is needed", refused);
}

TEST_CASE("torch_labels: arrays that are no labels") {
  auto const changed = [](auto change) {
    array a;
    change(a);
    return dict(a.build());
  };
  CHECK_THROWS_WITH_AS(read(dict("K\1"), "y"), "y.pt: 'y' is no NumPy array and no list", refused);
  CHECK_THROWS_WITH_AS(read(changed([](array& a) { a.type = "f8"; }), "y"),
                       "y.pt: 'y' holds 'f8'; labels must be integers", refused);
  CHECK_THROWS_WITH_AS(read(changed([](array& a) { a.type = "O8"; }), "y"),
                       "y.pt: 'y' holds 'O8'; labels must be integers", refused);
  CHECK_THROWS_WITH_AS(read(changed([](array& a) { a.shape = "K\1K\2\x86"; }), "y"),
                       "y.pt: 'y' is 2-dimensional; labels are a list", refused);
  CHECK_THROWS_WITH_AS(read(changed([](array& a) { a.shape = ")"; }), "y"),
                       "y.pt: 'y' is 0-dimensional; labels are a list", refused);
  CHECK_THROWS_WITH_AS(read(changed([](array& a) { a.shape = "K\3\x85"; }), "y"),
                       "y.pt: 'y' has 2 bytes for 3 labels of 1", refused);
  CHECK_THROWS_WITH_AS(read(changed([](array& a) { a.type = "u4"; }), "y"),
                       "y.pt: 'y' has 2 bytes for 2 labels of 4", refused);
  CHECK_THROWS_WITH_AS(
      read(changed([](array& a) { a.bytes = "", a.shape = std::string("K\0\x85", 3); }), "y"),
      "y.pt: 'y' is empty", refused);
  CHECK_THROWS_AS(read(changed([](array& a) { a.shape = "J\xff\xff\xff\xff\x85"; }), "y"), refused);
  CHECK_THROWS_AS(read(changed([](array& a) { a.order = "="; }), "y"), refused);
  CHECK_THROWS_AS(read(changed([](array& a) { a.state_end = "Nt"; }), "y"), refused);
  // 256 is no byte
  auto bent = dict_pickle();
  bent[bent.find("\xc3\x88")] = '\xc4';
  CHECK_THROWS_WITH_AS(read(bent, "worse_label"),
                       "y.pt: byte 329: an array's bytes hold a character that is no byte",
                       refused);
}

TEST_CASE("torch_labels: archives that torch.save did not write, or that were damaged") {
  auto const good = zipped{}(dict_pickle());
  CHECK_THROWS_WITH_AS(read(zipped{"a/other.pkl"}(dict_pickle()), "y"),
                       doctest::Contains("the zip archive has no data.pkl; torch.save writes one"),
                       refused);
  CHECK_THROWS_WITH_AS(
      read(zipped{"a/data.pkl", 8}(dict_pickle()), "y"),
      doctest::Contains("'a/data.pkl' is compressed; torch.save stores it as it is"), refused);
  CHECK_THROWS_WITH_AS(read(zipped{"a/data.pkl", 0, 1}(dict_pickle()), "y"),
                       "y.pt: byte 49: 'a/data.pkl' is damaged: its checksum differs", refused);
  CHECK_THROWS_WITH_AS(read(good.substr(0, good.size() / 2), "y"),
                       "y.pt: byte 0: a zip archive without its directory; it was cut", refused);
  CHECK_THROWS_WITH_AS(read("PK\3\4", "y"),
                       "y.pt: byte 0: a zip archive that ends before its directory", refused);
}

TEST_CASE(
    "torch_labels: cut after any byte, refused; any byte changed, refused or read, never worse") {
  auto const plain = dict_pickle(), old = old_form(), zip = zipped{}(plain);
  for (auto const& whole : {plain, zip})
    for (std::size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(length);
      CHECK_THROWS_AS(read(whole.substr(0, length), "clean_label"), refused);
    }
  std::size_t right = 0, tried = 0;
  for (auto const& whole : {plain, old, zip})
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (int const flip : {1, 2, 4, 16, 128, 255}) {
        auto bent = whole;
        bent[at] = static_cast<char>(bent[at] ^ flip);
        ++tried;
        try {
          right += read(bent, "clean_label") == labels{0, 1, 2, 9};
        } catch (refused const&) {
        }
      }
  CHECK(right < tried);  // it is not deaf to all of them
}
