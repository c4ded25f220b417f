"""What stands in a bundle's README.txt: how to check it with nothing but sha256sum and ssh-keygen."""

from __future__ import annotations

README = """\
EVIDENCE OF RUN {run_id}
{rule}

What is here
  journal.jsonl      every event, one a line; each line has the hash of the line before it ("prev")
  seal.json          how many events there are, and the hash of the last one; signed in seal.json.sig
  outputs/           the complete output of each step, secrets blotted out
  SHA256SUMS         the SHA-256 of the files above and of the record
  manifest.json      size and SHA-256 of every file here; signed in manifest.json.sig
  allowed_signers    the key that signed: {fingerprint}

The key in allowed_signers came with the files, so it proves nothing by itself. Compare the fingerprint with the one
that you were given on another way (ssh-keygen -l -f allowed_signers does not show it; use the last command below),
or use your own allowed_signers file in its place.

Check it by hand (OpenSSH 8.2 or newer, no other program needed)
  ssh-keygen -Y verify -f allowed_signers -I {principal} -n {namespace} -s manifest.json.sig < manifest.json
  ssh-keygen -Y verify -f allowed_signers -I {principal} -n {namespace} -s seal.json.sig < seal.json
  sha256sum -c SHA256SUMS
  sha256sum SHA256SUMS            # must be the one that manifest.json says
  tail -n 1 journal.jsonl         # its "hash" must be the "head" of seal.json, its "seq" the "count"
  sed 's/.*\\(ssh-ed25519 [^ ]*\\).*/\\1/' allowed_signers | ssh-keygen -l -f -

Check everything, the chain too
  holdfast verify .


运行 {run_id} 的证据
{rule}

内容
  journal.jsonl      全部事件，每行一条；每行含上一行的哈希值（"prev"）
  seal.json          事件条数与最后一条的哈希值；签名在 seal.json.sig
  outputs/           每个步骤的完整输出，密码等已遮盖
  SHA256SUMS         以上文件及演练记录的 SHA-256
  manifest.json      本目录每个文件的大小与 SHA-256；签名在 manifest.json.sig
  allowed_signers    签名公钥，指纹：{fingerprint}

allowed_signers 与证据一同送来，本身不能作证。请与另行取得的指纹核对，或改用贵方自己的 allowed_signers 文件。

手工核对（OpenSSH 8.2 及以上，无需其他程序）：用上面英文部分的六条命令。
  前两条须显示 "Good"；第三条须全部显示 "OK"；第四条的值须与 manifest.json 中一致；
  第五条的 "hash" 与 "seq" 须与 seal.json 的 "head" 与 "count" 一致；第六条显示公钥指纹。

全面核对（含哈希链）：holdfast verify .
"""


def readme(run_id: str, fingerprint: str, principal: str, namespace: str) -> bytes:
    """The text for one bundle."""
    return README.format(
        run_id=run_id, rule="=" * 60, fingerprint=fingerprint, principal=principal, namespace=namespace
    ).encode()
