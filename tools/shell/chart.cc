#include "tools/shell/chart.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/timestamp.h"
#include "tools/shell/chart_axis.h"
#include "tools/shell/chart_data.h"
#include "tools/shell/result_text.h"
#include "tools/terminal_text.h"

namespace tally {

namespace {

constexpr size_t kWidthMin = 20;

std::string repeated(std::string_view piece, size_t times) {
  std::string text;
  for (; times > 0; --times) text += piece;
  return text;
}

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

// Dots in braille: U+2800 and a bit a dot.
class DotCanvas {
 public:
  DotCanvas(size_t columns, size_t rows) : columns_(columns), cells_(columns * rows) {}

  size_t dots_across() const { return columns_ * 2; }
  size_t dots_down() const { return cells_.size() / columns_ * 4; }
  void dot(size_t x, size_t y) {  // from the upper left corner
    constexpr uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    cells_[y / 4 * columns_ + x / 2] |= kBits[y % 4][x % 2];
  }
  void line(double x0, double y0, double x1, double y1) {
    const auto steps = static_cast<size_t>(std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1.0}));
    for (size_t i = 0; i <= steps; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(steps);
      dot(static_cast<size_t>(std::lround(x0 + (x1 - x0) * share)),
          static_cast<size_t>(std::lround(y0 + (y1 - y0) * share)));
    }
  }
  std::string row(size_t row) const {
    std::u32string text;
    for (size_t i = 0; i < columns_; ++i) {
      const uint8_t dots = cells_[row * columns_ + i];
      text += dots == 0 ? U' ' : static_cast<char32_t>(0x2800 + dots);
    }
    return from_characters(text);
  }

 private:
  size_t columns_;
  std::vector<uint8_t> cells_;
};

struct Point {
  TimeUs at = 0;
  std::optional<double> value;
};

struct Panel {
  std::string title;
  std::vector<Point> points;  // by time
};

struct Extent {
  double smallest = 0, largest = 0;
  bool any = false;
  void add(double value) {
    smallest = any ? std::min(smallest, value) : value;
    largest = any ? std::max(largest, value) : value;
    any = true;
  }
};

Extent extent_of(const Panel& panel) {
  Extent extent;
  for (const Point& point : panel.points) {
    if (point.value) extent.add(*point.value);
  }
  return extent;
}

struct TimeSpan {
  TimeUs from = 0, to = 0;
};

std::string time_axis(TimeSpan span, size_t margin, size_t width) {
  const size_t label_room = 10;
  std::string line = repeated("─", width), labels;
  std::u32string axis = to_characters(line);
  for (const TimeTick& tick : time_ticks(span.from, span.to, std::max<size_t>(width / label_room, 1))) {
    const double share = span.to == span.from
                             ? 0.0
                             : static_cast<double>(tick.at - span.from) / static_cast<double>(span.to - span.from);
    const auto column = static_cast<size_t>(std::lround(share * static_cast<double>(width - 1)));
    axis[column] = U'┬';
    const size_t half = tick.label.size() / 2;
    const size_t begin = std::min(column > half ? column - half : 0, width - std::min(width, tick.label.size()));
    if (begin < labels.size() + (labels.empty() ? 0 : 1)) continue;
    labels += std::string(begin - labels.size(), ' ') + tick.label;
  }
  return std::string(margin, ' ') + "└" + from_characters(axis) + "\n" + std::string(margin + 1, ' ') + labels + "\n";
}

struct Frame {
  size_t width = 0;   // cells of the plot
  size_t height = 0;  // rows of the plot
  size_t margin = 0;  // left of the axis
  TimeSpan span = {};
};

void draw_points(const Panel& panel, const ValueAxis& axis, const Frame& frame, DotCanvas& canvas) {
  const auto across = static_cast<double>(canvas.dots_across() - 1);
  const auto down = static_cast<double>(canvas.dots_down() - 1);
  bool joined = false;  // to the point before
  double x_before = 0, y_before = 0;
  for (const Point& point : panel.points) {
    if (!point.value) {
      joined = false;
      continue;
    }
    const double share = frame.span.to == frame.span.from ? 0.5
                                                          : static_cast<double>(point.at - frame.span.from) /
                                                                static_cast<double>(frame.span.to - frame.span.from);
    const double x = share * across;
    const double y = (axis.to - *point.value) / (axis.to - axis.from) * down;
    canvas.line(joined ? x_before : x, joined ? y_before : y, x, y);
    joined = true;
    x_before = x;
    y_before = y;
  }
}

// The row of the plot whose middle is nearest to the value.
size_t row_of(double value, const ValueAxis& axis, size_t height) {
  const double share = (axis.to - value) / (axis.to - axis.from);
  return static_cast<size_t>(std::lround(share * static_cast<double>(height - 1)));
}

std::string panel_text(const Panel& panel, const ValueAxis& axis, const Frame& frame) {
  DotCanvas canvas(frame.width, frame.height);
  draw_points(panel, axis, frame, canvas);
  std::vector<std::string> labels(frame.height);
  const auto steps = static_cast<size_t>(std::lround((axis.to - axis.from) / axis.step));
  for (size_t i = 0; i <= steps; ++i) {
    const double value = axis.from + static_cast<double>(i) * axis.step;
    labels[row_of(value, axis, frame.height)] = axis_label(value, axis.step);
  }
  std::string out = cropped(panel.title, frame.margin + 1 + frame.width) + "\n";
  for (size_t row = 0; row < frame.height; ++row) {
    std::string line = padded(labels[row], frame.margin, Align::kRight) + (labels[row].empty() ? "│" : "┤");
    line += canvas.row(row);
    trim_right(line);
    out += line + "\n";
  }
  return out;
}

class LineChart {
 public:
  LineChart(const QueryResult& result, const ChartColumns& columns, const ChartOptions& options)
      : result_(result), columns_(columns), options_(options) {}

  std::expected<std::string, std::string> draw() {
    gather();
    if (panels_.empty()) return std::unexpected(std::string("there is nothing but NULL to draw"));
    const size_t wanted = panels_.size();
    if (wanted > kChartPanelsMax) panels_.resize(kChartPanelsMax);
    Frame frame = frame_of();
    std::string out;
    for (size_t i = 0; i < panels_.size(); ++i) {
      out += panel_text(panels_[i], axes_[i], frame);
      if (i + 1 == panels_.size() || axes_.size() != panels_.size()) continue;
    }
    out += time_axis(frame.span, frame.margin, frame.width);
    if (wanted > panels_.size()) {
      out += "and " + std::to_string(wanted - panels_.size()) +
             " more series: choose some in WHERE, or columns behind \\chart\n";
    }
    return out;
  }

 private:
  void gather() {
    std::map<std::string, std::vector<const std::vector<Cell>*>> series;
    std::vector<std::string> order;
    for (const std::vector<Cell>& row : result_.rows) {
      if (row[*columns_.time].kind != Cell::Kind::kTimestamp) continue;
      const std::string name = row_name(row, columns_.names);
      if (!series.contains(name)) order.push_back(name);
      series[name].push_back(&row);
    }
    for (size_t column : columns_.values) {
      for (const std::string& name : order) add_panel(column, name, series[name]);
    }
  }

  void add_panel(size_t column, const std::string& name, const std::vector<const std::vector<Cell>*>& rows) {
    const std::string value = terminal_text(result_.columns[column].name);
    Panel panel{.title = name.empty() ? value : value + ", " + name, .points = {}};
    for (const std::vector<Cell>* row : rows) {
      panel.points.push_back({(*row)[*columns_.time].timestamp, number_of((*row)[column])});
    }
    std::stable_sort(panel.points.begin(), panel.points.end(),
                     [](const Point& a, const Point& b) { return a.at < b.at; });
    if (!extent_of(panel).any) return;
    panel_columns_.push_back(column);
    panels_.push_back(std::move(panel));
  }

  Frame frame_of() {
    Frame frame;
    const size_t room = std::max<size_t>(options_.height, 12) - 4 - panels_.size();
    frame.height = std::clamp<size_t>(room / panels_.size(), 4, 16);
    frame.span = {panels_[0].points.front().at, panels_[0].points.front().at};
    for (size_t i = 0; i < panels_.size(); ++i) {
      frame.span.from = std::min(frame.span.from, panels_[i].points.front().at);
      frame.span.to = std::max(frame.span.to, panels_[i].points.back().at);
      axes_.push_back(axis_of(i, frame.height));
      for (const double value : {axes_[i].from, axes_[i].to}) {
        frame.margin = std::max(frame.margin, axis_label(value, axes_[i].step).size() + 1);
      }
    }
    frame.width = std::max(options_.width, kWidthMin + frame.margin) - frame.margin - 2;
    return frame;
  }

  // Series of one column are compared, so they share a scale.
  ValueAxis axis_of(size_t panel, size_t height) const {
    Extent extent;
    for (size_t i = 0; i < panels_.size(); ++i) {
      if (panel_columns_[i] != panel_columns_[panel]) continue;
      const Extent other = extent_of(panels_[i]);
      extent.add(other.smallest);
      extent.add(other.largest);
    }
    return value_axis(extent.smallest, extent.largest, std::max<size_t>(height / 3, 2));
  }

  const QueryResult& result_;
  const ChartColumns& columns_;
  const ChartOptions& options_;
  std::vector<Panel> panels_;
  std::vector<size_t> panel_columns_;
  std::vector<ValueAxis> axes_;
};

// A bar of so many eighths of a cell.
std::string bar(double cells) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<size_t>(std::lround(cells * 8));
  return repeated("█", eighths / 8) + kEighths[eighths % 8];
}

struct Bars {
  std::vector<std::string> names;
  std::vector<std::optional<double>> values;
  std::vector<std::string> figures;
};

std::string bars_text(const Bars& bars, size_t width) {
  Extent extent;
  extent.add(0);
  size_t name_width = 0, figure_width = 0;
  for (size_t i = 0; i < bars.names.size(); ++i) {
    if (bars.values[i]) extent.add(*bars.values[i]);
    name_width = std::max(name_width, display_width(bars.names[i]));
    figure_width = std::max(figure_width, display_width(bars.figures[i]));
  }
  name_width = std::min(name_width, width / 3);
  const size_t taken = name_width + figure_width + 3;
  const auto room = static_cast<double>(width > taken + 8 ? width - taken : 8);
  const double range = extent.largest - extent.smallest;
  const double scale = range > 0 ? room / range : 0;
  const auto left = static_cast<size_t>(-extent.smallest * scale);
  std::string out;
  for (size_t i = 0; i < bars.names.size(); ++i) {
    const double value = bars.values[i].value_or(0);
    const auto back = value < 0 ? std::min(left, static_cast<size_t>(std::lround(-value * scale))) : 0;
    out += padded(cropped(bars.names[i], name_width), name_width, Align::kLeft) + " " + std::string(left - back, ' ') +
           repeated("█", back) + "▏" + (value > 0 ? bar(value * scale) : "") + " " + bars.figures[i] + "\n";
  }
  return out;
}

std::string bar_chart(const QueryResult& result, ChartColumns columns, const ChartOptions& options) {
  if (columns.time) columns.names.insert(columns.names.begin(), *columns.time);
  const size_t count = std::min(result.rows.size(), kChartBarsMax);
  const size_t panels = std::min(columns.values.size(), kChartPanelsMax);
  std::string out;
  for (size_t panel = 0; panel < panels; ++panel) {
    const size_t column = columns.values[panel];
    Bars bars;
    for (size_t i = 0; i < count; ++i) {
      const Cell& cell = result.rows[i][column];
      bars.names.push_back(row_name(result.rows[i], columns.names));
      bars.values.push_back(number_of(cell));
      bars.figures.push_back(!bars.values.back()                                   ? "NULL"
                             : cell.scale == 0 && cell.kind == Cell::Kind::kNumber ? grouped_digits(cell_text(cell))
                                                                                   : short_number(*bars.values.back()));
    }
    out += terminal_text(result.columns[column].name) + "\n" + bars_text(bars, std::max(options.width, kWidthMin));
  }
  if (result.rows.size() > count) out += "and " + std::to_string(result.rows.size() - count) + " more rows\n";
  return out;
}

}  // namespace

std::expected<std::string, std::string> draw_chart(const QueryResult& result, const ChartOptions& options) {
  auto columns = choose_columns(result, options.columns);
  if (!columns) return std::unexpected(columns.error());
  if (result.rows.empty()) return std::unexpected(std::string("the last result has no rows to draw"));
  const bool line = options.kind == ChartKind::kLine || (options.kind == ChartKind::kAuto && result.rows.size() > 1);
  if (line && columns->time) return LineChart(result, *columns, options).draw();
  if (options.kind == ChartKind::kLine) {
    return std::unexpected(std::string("a line goes over time, and the last result has no column of timestamps"));
  }
  return bar_chart(result, *columns, options);
}

}  // namespace tally
