#pragma once

#include <csetjmp>
#include <cstdio>  // jpeglib.h requires it

#include <jpeglib.h>

#include <jerror.h>

namespace p2p::engine {

/// State of libjpeg's error callbacks, which get the address of its first member. Nothing here may throw through C frames.
struct JpegFailure {
  jpeg_error_mgr manager{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "unknown error";

  /// Keeps the message and jumps to `jump`.
  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    auto& failure = *reinterpret_cast<JpegFailure*>(jpeg->err);
    jpeg->err->format_message(jpeg, failure.message);
    std::longjmp(failure.jump, 1);
  }
};

}  // namespace p2p::engine
