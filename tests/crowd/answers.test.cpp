// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/answers.hpp>

#include <limpid/core/random.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

namespace {

using limpid::input_error;
using limpid::crowd::answer_list;
using limpid::crowd::answers;
using numbers = limpid::vector<std::uint32_t>;
using places = limpid::vector<std::uint64_t>;
using counts = limpid::vector<double>;
using ints = std::vector<int>;

bool same(answer_list const& a, answer_list const& b) {
  return a.tasks == b.tasks && a.workers == b.workers && a.classes == b.classes &&
         a.task_start == b.task_start && a.task_cell == b.task_cell &&
         a.task_count == b.task_count && a.cell_start == b.cell_start &&
         a.cell_task == b.cell_task && a.cell_count == b.cell_count &&
         a.cell_worker == b.cell_worker && a.cell_label == b.cell_label &&
         a.worker_start == b.worker_start && a.total == b.total && a.unanswered == b.unanswered &&
         a.idle == b.idle && a.repeated == b.repeated;
}

TEST_CASE("answers: by hand") {
  //! [call]
  std::vector<int> const task{2, 0, 0, 2, 2}, worker{1, 3, 0, 1, 0}, label{1, 0, 1, 1, 0};

  auto const list = limpid::crowd::answers(task, worker, label, {.classes = 2, .tasks = 4});
  // list.unanswered == 2: tasks 1 and 3; list.idle == 1: worker 2; list.repeated == 1: worker 1
  // said 1 to task 2 twice
  //! [call]
  CHECK(list.tasks == 4);
  CHECK(list.workers == 4);
  CHECK(list.cell_worker == numbers{0, 0, 1, 3});
  CHECK(list.cell_label == numbers{0, 1, 1, 0});
  CHECK(list.worker_start == places{0, 2, 3, 3, 4});
  CHECK(list.cell_start == places{0, 1, 2, 3, 4});
  CHECK(list.cell_task == numbers{2, 0, 2, 0});
  CHECK(list.cell_count == counts{1, 1, 2, 1});
  CHECK(list.task_start == places{0, 2, 2, 4, 4});
  CHECK(list.task_cell == numbers{1, 3, 0, 2});
  CHECK(list.task_count == counts{1, 1, 1, 2});
  CHECK(list.total == 5);
  CHECK(list.unanswered == 2);
  CHECK(list.idle == 1);
  CHECK(list.repeated == 1);
}

TEST_CASE("answers: a worker who gave a task two labels keeps both") {
  auto const list = answers(ints{0, 0, 0}, ints{0, 0, 0}, ints{1, 0, 1}, {.classes = 2});
  CHECK(list.task_cell == numbers{0, 1});
  CHECK(list.task_count == counts{1, 2});
  CHECK(list.repeated == 2);
}

TEST_CASE("answers: a table, weights and triples say the same") {
  limpid::matrix<int> const table{{1, -1, 0}, {-5, -1, -1}, {2, 2, 2}};
  auto const list = answers(table, {.classes = 3});
  CHECK(list.tasks == 3);
  CHECK(list.workers == 3);
  CHECK(list.unanswered == 1);
  CHECK(same(list, answers(ints{2, 0, 2, 0, 2}, ints{1, 2, 0, 0, 2}, ints{2, 0, 2, 1, 2},
                           {.classes = 3, .tasks = 3, .workers = 3})));
  // weight 3 is three times, 0 not at all
  auto const weighed =
      answers(ints{0, 1, 0}, ints{0, 0, 1}, ints{1, 1, 0}, std::vector<float>{3, 0, 1},
              {.classes = 2, .tasks = 2, .workers = 2});
  auto const repeated = answers(ints{0, 0, 0, 0}, ints{0, 0, 1, 0}, ints{1, 1, 0, 1},
                                {.classes = 2, .tasks = 2, .workers = 2});
  CHECK(weighed.task_count == repeated.task_count);
  CHECK(weighed.cell_count == repeated.cell_count);
  CHECK(weighed.total == 4);
  CHECK(weighed.unanswered == 1);
}

/// Against maps; enough tasks and workers that the sort takes several digits, in random and in
/// sorted order.
TEST_CASE("answers: against an oracle, whatever the order and the type of number") {
  struct size {
    std::size_t tasks, workers, classes;
  };
  for (size const& s :
       {size{3, 2, 2}, {5000, 3, 5}, {40, 4500, 3}, {4096, 1, 1}, {4097, 20, 5000}}) {
    std::size_t const tasks = s.tasks, workers = s.workers, classes = s.classes;
    CAPTURE(tasks);
    CAPTURE(classes);
    std::size_t const n = 9000;
    std::vector<std::uint16_t> task(n);
    std::vector<std::int64_t> worker(n);
    std::vector<short> label(n);
    std::map<std::tuple<std::size_t, std::size_t, std::size_t>, double> by_task, by_cell;
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> cells;
    for (std::size_t i = 0; i < n; ++i) {
      limpid::random_stream draw(3, 0, i);
      auto const t = draw.below(tasks), w = draw.below(workers), l = draw.below(classes);
      task[i] = static_cast<std::uint16_t>(t);
      worker[i] = static_cast<std::int64_t>(w);
      label[i] = static_cast<short>(l);
      by_task[{t, w, l}] += 1;
      by_cell[{w, l, t}] += 1;
      cells[{w, l}] = 0;
    }
    auto const list =
        answers(task, worker, label, {.classes = classes, .tasks = tasks, .workers = workers});
    std::size_t next = 0;
    for (auto& [key, number] : cells) number = next++;
    REQUIRE(list.cells() == cells.size());
    REQUIRE(list.entries() == by_task.size());
    std::size_t wrong = 0, e = 0;
    for (auto const& [key, count] : by_task) {
      auto const [t, w, l] = key;
      wrong += !(list.task_start[t] <= e && e < list.task_start[t + 1] &&
                 list.task_cell[e] == cells[{w, l}] && list.task_count[e] == count);
      ++e;
    }
    e = 0;
    for (auto const& [key, count] : by_cell) {
      auto const [w, l, t] = key;
      auto const c = cells[{w, l}];
      wrong +=
          !(list.cell_start[c] <= e && e < list.cell_start[c + 1] && list.cell_task[e] == t &&
            list.cell_count[e] == count && list.cell_worker[c] == w && list.cell_label[c] == l &&
            list.worker_start[w] <= c && c < list.worker_start[w + 1]);
      ++e;
    }
    CHECK(wrong == 0);
    std::vector<std::size_t> order(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::tuple(task[a], -worker[a]) < std::tuple(task[b], -worker[b]);
    });
    ints t2, w2, l2;
    for (std::size_t i : order)
      t2.push_back(task[i]), w2.push_back(static_cast<int>(worker[i])), l2.push_back(label[i]);
    CHECK(
        same(list, answers(t2, w2, l2, {.classes = classes, .tasks = tasks, .workers = workers})));
  }
}

TEST_CASE("answers: no answers, and a device's") {
  auto const none = answers(ints{}, ints{}, ints{}, {.classes = 3});
  CHECK(none.tasks == 0);
  CHECK(none.cells() == 0);
  CHECK(none.task_start == places{0});
  auto const idle = answers(ints{}, ints{}, ints{}, {.classes = 3, .tasks = 2, .workers = 5});
  CHECK(idle.unanswered == 2);
  CHECK(idle.idle == 5);
  CHECK(answers(limpid::matrix<int>(3, 0), {.classes = 2}).unanswered == 3);

  ints const task{2, 0, 0}, worker{1, 3, 0}, label{1, 0, 1};
  limpid_test::device_vector<int> const t(limpid::vector_view<int const>(task.data(), 3)),
      w(limpid::vector_view<int const>(worker.data(), 3)),
      l(limpid::vector_view<int const>(label.data(), 3));
  CHECK(same(answers(limpid_test::device, t, w, l, {.classes = 2}),
             answers(task, worker, label, {.classes = 2})));
}

TEST_CASE("answers: bad input") {
  ints const two{0, 1};
  CHECK_THROWS_WITH_AS((void)answers(two, two, two, {}),
                       "crowd::answers: options.classes is 0; need 1..2147483646", input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, ints{0}, two, {.classes = 2}),
                       "crowd::answers: task has 2 rows, worker has 1", input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, two, ints{0, 1, 1}, {.classes = 2}),
                       "crowd::answers: task has 2 rows, label has 3", input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, two, ints{0, 2}, {.classes = 2}),
                       "crowd::answers: label row 1 is 2; need 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, two, ints{-1, 1}, {.classes = 2}),
                       "crowd::answers: label row 0 is -1; need 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)answers(ints{0, -3}, two, two, {.classes = 2}),
                       "crowd::answers: task row 1 is -3; need 0..4294967294", input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, two, two, {.classes = 2, .workers = 1}),
                       "crowd::answers: worker row 1 is 1; need 0..0", input_error);
  CHECK_NOTHROW((void)answers(two, two, two, {.classes = 2, .tasks = 2, .workers = 2}));
  CHECK_THROWS_WITH_AS((void)answers(two, two, two, std::vector<double>{1, -1}, {.classes = 2}),
                       "crowd::answers: weights row 1 is -1; weights must be finite and at least 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, two, two, std::vector<double>{NAN, 1}, {.classes = 2}),
                       doctest::Contains("weights row 0 is "), input_error);
  CHECK_THROWS_WITH_AS(
      (void)answers(two, two, two, std::vector<double>{1, INFINITY}, {.classes = 2}),
      doctest::Contains("weights row 1 is inf"), input_error);
  CHECK_THROWS_WITH_AS((void)answers(two, two, two, std::vector<double>{1}, {.classes = 2}),
                       "crowd::answers: task has 2 rows, weights has 1", input_error);
  CHECK_THROWS_WITH_AS(
      (void)answers(limpid::matrix<int>{{0, 3}}, {.classes = 3}),
      "crowd::answers: table row 0 has the label 3; need 0..2, or negative for no answer",
      input_error);
  CHECK_THROWS_WITH_AS((void)answers(limpid::matrix<int>{{0, 2}}, {.classes = 3, .tasks = 2}),
                       "crowd::answers: options.tasks is 2, the table has 1 rows", input_error);
}

}  // namespace
