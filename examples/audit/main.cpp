// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/main.cpp
/// limpid-audit: a labelled data set in, a report of its wrong labels out.
/// Exit status: 0 done, 1 internal failure, 2 the input or the output cannot be used, 130
/// interrupted.
#include "input.hpp"
#include "output.hpp"
#include "progress_bar.hpp"
#include "report_data.hpp"
#include "report_html.hpp"
#include "run_audit.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace {

using namespace limpid_audit;

volatile std::sig_atomic_t interrupted = 0;

bool on_terminal() {
#if defined(_WIN32)
  return _isatty(2) != 0;
#else
  return isatty(2) != 0;
#endif
}

void summarise(std::ostream& out, audit_record const& a, std::string const& page) {
  auto const& r = a.found.report;
  out << "rows          " << r.rows << " in " << r.classes << " classes\n"
      << "wrong labels  " << percent(r.noise_rate.estimate) << " (" << percent(r.noise_rate.low)
      << " to " << percent(r.noise_rate.high) << ", " << percent(r.level, 0) << " interval)\n";
  char const* title = "confused      ";
  for (auto const& c : strongest_confusions(r, 3)) {
    out << title << a.data.name(c.from) << " labelled " << a.data.name(c.to) << ": "
        << percent(c.share) << " of the class\n";
    title = "              ";
  }
  out << "doubtful      " << count_issues(r) << " labels differ from the suggested one\n"
      << "remedy        " << name_of(r.recommended) << (r.reason.empty() ? "" : ": ") << r.reason
      << '\n';
  for (auto const& w : distrust(a)) out << "distrust      " << w << '\n';
  out << "report        " << page << '\n';
}

int audit(request const& ask) {
  dataset const data = load(ask);
  // While it reads, a signal may end the program as it is; from here on something is to be taken
  // back.
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  output_folder folder(ask.out, {"report.html", "labels.csv", "report.json"});

  auto const found = [&] {
    progress_bar bar(stderr, on_terminal());
    return run_audit(data, ask, [&bar](double fraction) {
      bar.show(fraction);
      return !interrupted;
    });
  }();
  if (interrupted || found.report.stopped) {
    std::cerr << "limpid-audit: interrupted; nothing was written\n";
    return 130;
  }
  audit_record const record{data, found};
  folder.write("report.html", [&](std::ostream& out) { write_html(out, record); });
  folder.write("labels.csv", [&](std::ostream& out) { write_labels(out, record); });
  folder.write("report.json", [&](std::ostream& out) { write_json(out, record); });
  folder.commit();
  summarise(std::cout, record, folder.path("report.html"));
  return 0;
}

int complain(char const* what) {
  std::cerr << "limpid-audit: " << what << '\n';
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  request ask;
  CLI::App app("Finds the wrong labels of a data set and says how wrong they are.", "limpid-audit");
  app.set_version_flag("--version", LIMPID_VERSION_STRING);
  app.add_option("--labels", ask.labels,
                 "labels: .npy of integers, or .pt of torch.save with a dict of such arrays");
  app.add_option("--labels-key", ask.labels_key,
                 "which labels of the .pt: worse_label, aggre_label, ... of CIFAR-N");
  app.add_option("--features", ask.features, "samples: .npy, .csv, .tsv, .svm, .libsvm");
  app.add_option("--probabilities", ask.probabilities, "out-of-fold class probabilities, .npy");
  app.add_option("--truth", ask.truth,
                 "true labels, as --labels: the report says how close the audit came");
  app.add_option("--truth-key", ask.truth_key, "which labels of a .pt: clean_label of CIFAR-N");
  app.add_option("--label-column", ask.label_column,
                 "the column of the features CSV that holds the labels");
  app.add_option("--classes", ask.classes, "number of classes; default: from the data")
      ->check(CLI::Range(std::size_t{2}, most_classes));
  app.add_option("--folds", ask.folds, "folds in which a classifier is judged")
      ->check(CLI::Range(std::size_t{2}, std::size_t{1000}))
      ->capture_default_str();
  app.add_option("--seed", ask.seed, "of the random draws")->capture_default_str();
  app.add_option("--threads", ask.threads, "speed only, never results")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--out", ask.out, "folder for report.html, labels.csv, report.json")->required();
  try {
    app.parse(argc, argv);
  } catch (CLI::Success const& asked) {  // --help, --version
    return app.exit(asked);
  } catch (CLI::ParseError const& bad) {
    return complain(bad.what());
  }
  try {
    return audit(ask);
  } catch (refused const& why) {
    return complain(why.what());
  } catch (limpid::input_error const& why) {
    return complain(why.what());
  } catch (std::bad_alloc const&) {
    return complain("there is not enough memory for this data set");
  } catch (std::exception const& why) {
    complain(why.what());
    return 1;
  }
}
