#include "services/api/route_table.hpp"

#include <gtest/gtest.h>

#include "platform/http/client.hpp"

namespace p2p::api {
namespace {

class RouteTableTest : public ::testing::Test {
 protected:
  void serve(const std::string& keys) {
    clients = std::make_unique<Clients>(Secret(keys));
    const RouteTable table(server, *clients, responses);
    const auto answer = [](const auto&, const auto&) { return http::ServerResponse{.body = "drawn"}; };
    table.add("POST", "/form", "form", answer, kForm);
    table.add("POST", "/json", "json", answer);
    server.start();
  }
  int post(const std::string& path, const std::string& type, const http::HeaderList& headers) {
    http::HttpRequest request{.method = "POST", .headers = headers, .body = "x"};
    request.url = Secret("http://127.0.0.1:" + std::to_string(server.port()) + path);
    request.headers.emplace_back("Content-Type", type);
    return http::Client({}).send(request).status;
  }
  int post_form(const http::HeaderList& headers) { return post("/form", "multipart/form-data; boundary=b", headers); }
  std::string here() const { return "127.0.0.1:" + std::to_string(server.port()); }

  Metrics metrics;
  const Responses responses{metrics, false};
  std::unique_ptr<Clients> clients;
  http::Server server{{.listen = "127.0.0.1:0"}};
};

TEST_F(RouteTableTest, ChecksMediaType) {
  serve("");
  EXPECT_EQ(post_form({}), 200);
  EXPECT_EQ(post("/form", "application/json", {}), 415);
  EXPECT_EQ(post("/json", "multipart/form-data; boundary=b", {}), 415);
}

TEST_F(RouteTableTest, RefusesFormsOfOtherSites) {
  serve("");
  EXPECT_EQ(post_form({{"Origin", "http://" + here()}}), 200);
  for (const std::string& origin : {std::string("https://evil.example"), std::string("null"), std::string("http://127.0.0.1:1"), here(),
                                    "http://evil.example/" + here(), "http://" + here() + ".evil.example"})
    EXPECT_EQ(post_form({{"Origin", origin}, {"Authorization", "Bearer anything"}}), 403) << origin;
}

TEST_F(RouteTableTest, PagesOfOtherSitesMayUseTheirKey) {
  serve("0123456789abcdef-one");
  const auto origin = std::pair<std::string, std::string>{"Origin", "https://page.example"};
  EXPECT_EQ(post_form({origin, {"Authorization", "Bearer 0123456789abcdef-one"}}), 200) << "which a browser adds only by agreement";
  EXPECT_EQ(post_form({origin, {"Authorization", "Basic YTowMTIzNDU2Nzg5YWJjZGVmLW9uZQ=="}}), 403) << "which it remembers";
  EXPECT_EQ(post_form({{"Authorization", "Basic YTowMTIzNDU2Nzg5YWJjZGVmLW9uZQ=="}}), 200);
  EXPECT_EQ(post_form({origin}), 401);
}

}  // namespace
}  // namespace p2p::api
