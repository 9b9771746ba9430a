#include <CLI/CLI.hpp>

#include <memory>

#include "base/decimal.h"
#include "tools/command.h"
#include "tools/inspect.h"

namespace tally {

namespace {

struct Arguments {
  std::string file;
  bool blocks = false;
  std::string rows;  // a number, or nothing for all of them
};

int run_inspect(Console& console, const Arguments& arguments, bool rows) {
  auto fs = make_posix_file_system();
  InspectOptions options{.blocks = arguments.blocks};
  if (rows) {
    options.rows = UINT64_MAX;
    auto wanted = parse_int64(arguments.rows);
    if (!arguments.rows.empty() && (!wanted || *wanted < 0)) {
      return report_usage(console, "inspect", "--rows takes a number of rows, not \"" + arguments.rows + "\"");
    }
    if (!arguments.rows.empty()) options.rows = static_cast<uint64_t>(*wanted);
  }
  auto sound = inspect_file(*fs, arguments.file, options, [&](std::string_view text) { console.result(text); });
  if (!sound) return report_failure(console, "inspect", sound.error());
  if (*sound) return kExitOk;
  console.message("tally inspect: " + arguments.file + " is damaged");
  return kExitFailed;
}

}  // namespace

Command add_inspect_command(CLI::App& parent) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* app = parent.add_subcommand("inspect", "Show what a file of a database holds");
  app->add_option("FILE", arguments->file, "TALLY, a MANIFEST-*, *.seg, *.log, *.retr or *.dead")->required();
  app->add_flag("--blocks", arguments->blocks, "Of a segment: a line for each block, with its rows, times and zones");
  CLI::Option* rows = app->add_option("--rows", arguments->rows,
                                      "Of all but TALLY and MANIFEST-*: its rows instead, as TSV; the first N, or all")
                          ->type_name("[N]")
                          ->expected(0, 1);
  app->footer(
      "Reads the file alone; a segment brings the strings of its codes. Exit code 1 if it is damaged.\n\n"
      "Examples:\n"
      "  tally inspect shop/tables/impressions/segments/00000001.seg\n"
      "  tally inspect shop/tables/impressions/segments/00000001.seg --rows 10\n"
      "  tally inspect shop/tables/impressions/MANIFEST-000001");
  return {app, [arguments, rows](Console& console) { return run_inspect(console, *arguments, rows->count() > 0); }};
}

}  // namespace tally
