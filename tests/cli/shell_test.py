"""Tests of completion and the manual page, and of generate with a list of prompts."""
import json
import os
import pathlib
import re
import subprocess
import unittest

from command import BINARY, QUICK, CliTest


def completed(words, cwd):
    """What bash offers for the last of `words`."""
    quoted = " ".join("'" + word + "'" for word in words)
    script = (f"source <('{BINARY}' completion bash); compopt() {{ :; }}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _prompt2pic; "
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


class Completion(CliTest):
    def test_bash(self):
        self.assertIn("generate", completed(["prompt2pic", "gen"], self.folder))
        self.assertIn("--num-inference-steps", completed(["prompt2pic", "generate", "--num"], self.folder))
        self.assertEqual(completed(["prompt2pic", "generate", "--precision", ""], self.folder), ["auto", "f32", "bf16"])
        self.assertEqual(completed(["prompt2pic", "generate", "--precision", "=", "b"], self.folder), ["bf16"])
        self.assertIn("euler_a", completed(["prompt2pic", "generate", "--sampler", "euler"], self.folder))
        pathlib.Path(self.folder, "photo.png").touch()
        self.assertEqual(completed(["prompt2pic", "generate", "--image", "ph"], self.folder), ["photo.png"])
        self.assertEqual(completed(["prompt2pic", "completion", ""], self.folder)[:3], ["bash", "zsh", "fish"])
        self.assertNotIn("--vae", completed(["prompt2pic", "bot", "--"], self.folder))

    def test_zsh(self):
        pathlib.Path(self.folder, "_prompt2pic").write_text(self.succeed("completion", "zsh"))
        check = f"fpath=({self.folder} $fpath); autoload -Uz compinit; compinit -D -u; [[ $_comps[prompt2pic] == _prompt2pic ]] && autoload +X _prompt2pic && echo ok"
        done = subprocess.run(["zsh", "-fc", check], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("ok\n", ""))

    def test_fish(self):
        script = self.succeed("completion", "fish") + 'complete -C "prompt2pic generate --precision "\ncomplete -C "prompt2pic generate --num"\n'
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertIn("bf16", done.stdout)
        self.assertIn("--num-inference-steps", done.stdout)

    def test_other_shells(self):
        self.refuse(2, "say for which shell", "completion")
        self.refuse(2, "no completion for tcsh", "completion", "tcsh")


class Manual(CliTest):
    def test_has_every_command_and_setting(self):
        page = self.succeed("man").replace("\\-", "-")
        for command in re.findall(r"(?m)^  (\w+) ", self.succeed("--help").split("Commands:")[1].split("Examples:")[0]):
            self.assertIn(f".SS prompt2pic {command}", page)
        for setting in json.loads(self.succeed("config", "--json")):
            self.assertIn(f"\\fB{setting['env']}\\fR", page)

    def test_has_no_warnings(self):
        done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-rCHECKSTYLE=3", "-P-cbou"], input=self.succeed("man"), capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertIn("--num-inference-steps", done.stdout)


class Help(CliTest):
    def test_of_services_has_their_own_settings(self):
        bot, api, worker = (self.succeed(name, "--help") for name in ("bot", "api", "worker"))
        self.assertTrue("--admins" in bot and "P2P_TELEGRAM_TOKEN " in bot and "--vae" not in bot and "P2P_API_KEYS" not in bot)
        self.assertTrue("--api-page on|off" in api and "P2P_API_KEYS " in api and "--admins" not in api)
        self.assertTrue("--vae-tiling auto|on|off" in worker and "--admins" not in worker)

    def test_names_the_nearest_variable(self):
        done = subprocess.run([BINARY, "models"], capture_output=True, text=True, env={**os.environ, "P2P_MODELS_DRI": "x"})
        self.assertIn("P2P_MODELS_DRI is not a setting; did you mean P2P_MODELS_DIR?", done.stderr)


class Prompts(CliTest):
    def test_each_line_is_drawn_once(self):
        listed = pathlib.Path(self.folder, "list.txt")
        listed.write_text("# things\na fox\n\n" + "x" * 20000 + "\nan owl\n")
        words = ["generate", "--prompts", "list.txt", "--output", "out-%03d.webp", "--seed", "5", "--json", *QUICK]
        done = self.run_it(*words)
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 4: the prompt has 20000 bytes", done.stderr.decode())
        result = json.loads(done.stdout)
        self.assertEqual(result["files"], ["out-001.webp", "out-003.webp"])
        self.assertEqual([failure["line"] for failure in result["failed"]], [4])
        first = pathlib.Path(self.folder, "out-001.webp")
        before = first.read_bytes()
        self.assertEqual(before[:4] + before[8:12], b"RIFFWEBP")
        pathlib.Path(self.folder, "out-003.webp").unlink()
        listed.write_text("a fox\nan owl\na cat\n")
        result = json.loads(self.succeed(*words))
        self.assertEqual((result["files"], result["skipped"]), (["out-002.webp", "out-003.webp"], ["out-001.webp"]))
        self.assertEqual(first.read_bytes(), before)

    def test_wrong_lists_and_names(self):
        self.refuse(2, "cannot be read; it takes a file", "generate", "--prompts", "none.txt")
        self.refuse(2, "the prompt is given twice", "generate", "a fox", "--prompts", "none.txt")
        self.refuse(2, "only %d, or %03d", "generate", "a fox", "--output", "%s.png")
        self.refuse(2, "only %d, or %03d", "generate", "a fox", "--output", "%n.png")

    def test_short_options(self):
        self.succeed("generate", "-p", "a fox", "-n", "red", "-W", "128", "-H", "128", "-s", "7", "-o", "a.png", "--num-inference-steps", "2", "--guidance-scale", "3", "--decoder-steps", "2")
        self.succeed("generate", "a fox", "--negative", "red", "--width", "128", "--height", "128", "--seed", "7", "--output", "b.png", "--steps", "2", "--guidance", "3", "--decoder-steps", "2")
        self.assertEqual(*(pathlib.Path(self.folder, name).read_bytes() for name in ("a.png", "b.png")))


if __name__ == "__main__":
    unittest.main()
