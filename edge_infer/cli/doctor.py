"""`edge-infer doctor`: is this machine ready, and what is it?"""

import json

import click

from edge_infer.cli.exit_codes import EXIT_MODEL


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON array.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check this installation and say what the machine is.

    Versions, processor, cores, providers, bundled models (as released, and loaded), webcam, cache.
    Exits with 3 if something required does not work. A missing optional part is not an error.
    """
    from edge_infer.cli.diagnosis import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([finding.to_record() for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{finding.state:<8}{finding.topic + ':':<16}{finding.text}")
    context.exit(EXIT_MODEL if any(finding.state == "broken" for finding in findings) else 0)
