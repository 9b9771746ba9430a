#include <CLI/CLI.hpp>

#include <memory>

#include "base/timestamp.h"
#include "tools/command.h"
#include "tools/generate/generate.h"
#include "tools/interrupt.h"
#include "tools/load/byte_source.h"
#include "tools/load/record_reader.h"
#include "tools/whole_number.h"

namespace tally {

namespace {

struct GenerateArguments {
  std::string profile = "ad";
  std::string start;
  GenerateOptions options;
};

std::string settle_options(GenerateArguments& arguments) {
  GenerateOptions& options = arguments.options;
  if (arguments.profile != "ad") return "there is no profile \"" + arguments.profile + "\": there is ad";
  if (!options.out.empty() + !options.data.empty() + !options.server.empty() != 1) {
    return "say where to: one of --out FILE, --data DIR and --server A:P";
  }
  if (!options.out.empty() && options.out != kStandardInput && !source_format_of(options.out)) {
    return "--out " + options.out +
           " does not tell what to write: end it in .csv, .tsv or .ndjson, or one of these with " +
           ".gz, .zst or .lz4 behind it";
  }
  AdProfileOptions& profile = options.profile;
  if (Status status = AdProfile::check(profile); !status) return status.error().message;
  TimeUs today = floor_to(system_clock().wall_us(), kMicrosPerDay);
  profile.start_us = today - static_cast<TimeUs>(profile.days) * kMicrosPerDay;
  if (arguments.start.empty()) return {};
  auto start = parse_timestamp(arguments.start);
  if (!start) return "--start: " + start.error().message;
  profile.start_us = *start;
  return {};
}

int run_generate(Console& console, GenerateArguments& arguments) {
  if (std::string wrong = settle_options(arguments); !wrong.empty()) return report_usage(console, "generate", wrong);
  const AdProfileOptions& profile = arguments.options.profile;
  console.message("from " + format_timestamp(profile.start_us) + " on, " + std::to_string(profile.days) +
                  (profile.days == 1 ? " day" : " days") + ", seed " + std::to_string(profile.seed));
  auto summary = generate(console, arguments.options);
  if (!summary) return report_failure(console, "generate", summary.error());
  console.result(*summary);
  return interrupted() ? kExitFailed : kExitOk;  // the summary says so
}

}  // namespace

Command add_generate_command(CLI::App& parent) {
  auto arguments = std::make_shared<GenerateArguments>();
  GenerateOptions& options = arguments->options;
  AdProfileOptions& profile = options.profile;
  CLI::App* app = parent.add_subcommand("generate", "Make ad traffic from a seed, into a file or a database");
  app->add_option("--profile", arguments->profile, "The kind of traffic: ad")->type_name("NAME");
  app->add_option("--events", profile.events, "Distinct events")
      ->type_name("N")
      ->check(whole_number(1))
      ->capture_default_str();
  app->add_option("--days", profile.days, "Days that they are spread over")
      ->type_name("D")
      ->check(whole_number())
      ->capture_default_str();
  app->add_option("--seed", profile.seed, "The same seed gives the same events")
      ->type_name("S")
      ->check(whole_number())
      ->capture_default_str();
  app->add_option("--start", arguments->start, "The first arrival; default: D days before the last UTC midnight")
      ->type_name("TIME");
  app->add_option("--dup", profile.duplicate_percent, "Percent of the events that are sent again whole")
      ->type_name("P");
  app->add_option("--late", profile.late_percent, "Percent of the events that arrive hours later")->type_name("P");
  app->add_flag("--rhythm", profile.rhythm, "More traffic in the evening than in the morning");
  app->add_option("--rate", options.rows_per_second, "At most N rows a second")->type_name("N")->check(whole_number(1));
  app->add_option("--out", options.out,
                  "A .csv, .tsv or .ndjson file, compressed by a .gz, .zst or .lz4 behind it; - is standard output")
      ->type_name("FILE");
  app->add_option("--data", options.data, "A database: into its table ad_events, which is made if missing")
      ->type_name("DIR");
  app->add_option("--server", options.server, "The same, of a server")->type_name("A:P");
  app->footer(
      "Examples:\n  tally generate --profile ad --events 1000000 --days 30 --seed 1 --data shop\n"
      "  tally generate --profile ad --events 1000 --days 1 --dup 2 --out events.ndjson.zst");
  return {app, [arguments](Console& console) { return run_generate(console, *arguments); }};
}

}  // namespace tally
