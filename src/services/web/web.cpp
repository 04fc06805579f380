#include "services/web/web.hpp"

#include <algorithm>

#include "services/web/files.hpp"

namespace p2p::web {

std::optional<File> find(std::string_view path) {
  constexpr std::string_view kFolder = "/page/";
  std::string_view name;
  if (path == "/") {
    name = "index.html";
  } else if (path == "/docs") {
    name = "docs.html";
  } else if (path == "/openapi.json") {
    name = "openapi.json";
  } else if (path.starts_with(kFolder) && !path.ends_with(".html")) {
    name = path.substr(kFolder.size());
  }
  const auto all = files();
  const auto found = std::ranges::find(all, name, &NamedFile::name);
  if (found == all.end()) return std::nullopt;
  return found->file;
}

}  // namespace p2p::web
