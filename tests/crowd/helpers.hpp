// SPDX-License-Identifier: BSL-1.0
/// Answers for the tests of crowd/: drawn ones, the golden ones, and the real sets; oracles that
/// share no code with the library.
#ifndef LIMPID_TESTS_CROWD_HELPERS_HPP
#define LIMPID_TESTS_CROWD_HELPERS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/crowd/answers.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace limpid_test {

struct triples {
  std::vector<int> task, worker, label;
  std::size_t tasks = 0, workers = 0, classes = 0;
  void add(int t, int w, int l) {
    task.push_back(t);
    worker.push_back(w);
    label.push_back(l);
  }
  limpid::crowd::answer_list list() const {
    return limpid::crowd::answers(task, worker, label,
                                  {.classes = classes, .tasks = tasks, .workers = workers});
  }
};

/// Tasks of even classes; worker w is right with skill[w], else wrong evenly or, where he has a
/// favourite, with that. Each task is answered by `each` workers, in turn.
struct drawn_crowd {
  triples answers;
  std::vector<int> truth;
};
inline drawn_crowd draw_crowd(std::size_t tasks, std::size_t classes,
                              std::vector<double> const& skill, std::size_t each,
                              std::uint64_t seed) {
  drawn_crowd out;
  out.answers.tasks = tasks, out.answers.workers = skill.size(), out.answers.classes = classes;
  for (std::size_t t = 0; t < tasks; ++t) {
    limpid::random_stream draw(seed, 0, t);
    auto const z = static_cast<int>(draw.below(classes));
    out.truth.push_back(z);
    std::size_t const first = draw.below(skill.size());
    for (std::size_t i = 0; i < each; ++i) {
      std::size_t const w = (first + i) % skill.size();
      int l = z;
      if (draw.uniform() >= skill[w]) {
        l = static_cast<int>(draw.below(classes - 1));
        l += l >= z;
      }
      out.answers.add(static_cast<int>(t), static_cast<int>(w), l);
    }
  }
  return out;
}

template <class L>
double accuracy(L const& label, std::vector<int> const& truth) {
  double right = 0, known = 0;
  for (std::size_t t = 0; t < truth.size(); ++t) {
    if (truth[t] < 0) continue;
    known += 1;
    right += label[t] == truth[t];
  }
  return right / known;
}
/// Ties count their fair share.
inline double fair_accuracy(limpid::matrix<double> const& q, std::vector<int> const& truth) {
  double right = 0, known = 0;
  for (std::size_t t = 0; t < truth.size(); ++t) {
    if (truth[t] < 0) continue;
    known += 1;
    double top = 0, equal = 0;
    for (std::size_t j = 0; j < q.cols(); ++j) top = q(t, j) > top ? q(t, j) : top;
    for (std::size_t j = 0; j < q.cols(); ++j) equal += q(t, j) == top;
    if (q(t, static_cast<std::size_t>(truth[t])) == top) right += 1 / equal;
  }
  return right / known;
}

template <class U, class V>
double gap(U const& a, V const& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
  }
  return worst;
}
inline double largest_gap(limpid::matrix<double> const& a, limpid::matrix<double> const& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return INFINITY;
  double worst = 0;
  for (std::size_t c = 0; c < a.rows() * a.cols(); ++c) {
    double const d = std::abs(a.data()[c] - b.data()[c]);
    if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
  }
  return worst;
}

/// A .npy of integers, version 1.0, C order, as ints.
inline std::vector<int> read_npy(std::string const& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  REQUIRE_MESSAGE(file, path);
  unsigned char head[10];
  REQUIRE(std::fread(head, 1, 10, file) == 10);
  std::string header(head[8] + 256u * head[9], ' ');
  REQUIRE(std::fread(header.data(), 1, header.size(), file) == header.size());
  char const kind = header[header.find("descr") + 10];
  auto const size = static_cast<std::size_t>(header[header.find("descr") + 11] - '0');
  std::vector<unsigned char> raw;
  unsigned char block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;)
    raw.insert(raw.end(), block, block + n);
  std::fclose(file);
  std::vector<int> out(raw.size() / size);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::int64_t x = 0;
    for (std::size_t b = size; b-- > 0;) x = x * 256 + raw[i * size + b];
    if (kind == 'i' && (raw[i * size + size - 1] & 128)) x -= std::int64_t{1} << (8 * size);
    out[i] = static_cast<int>(x);
  }
  return out;
}
inline triples read_answers(std::string const& folder, std::size_t tasks, std::size_t classes) {
  auto const flat = read_npy(folder + "/answers.npy");
  triples out;
  out.tasks = tasks, out.classes = classes;
  for (std::size_t i = 0; i + 2 < flat.size(); i += 3) {
    out.add(flat[i], flat[i + 1], flat[i + 2]);
    auto const w = static_cast<std::size_t>(flat[i + 1]) + 1;
    out.workers = w > out.workers ? w : out.workers;
  }
  return out;
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_CROWD_HELPERS_HPP
