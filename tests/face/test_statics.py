"""Static files as production serves them: hashed names everywhere."""

import re
from pathlib import Path

from django.conf import LazySettings
from django.core.files.storage import FileSystemStorage

from megabox.statics import HashedStaticFiles

STATIC = Path(__file__).resolve().parents[2] / "static"


def test_every_name_in_a_module_and_a_stylesheet_holds_the_hash_of_its_content(
    tmp_path: Path, settings: LazySettings
) -> None:
    settings.DEBUG = False
    source = FileSystemStorage(STATIC)
    storage = HashedStaticFiles(location=tmp_path, base_url="/static/")
    names = [str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file()]
    for name in names:
        with source.open(name) as content:
            storage.save(name, content)
    failures = [
        done for _, _, done in storage.post_process({n: (storage, n) for n in names}) if done not in (True, False)
    ]
    assert failures == []
    module = (tmp_path / storage.stored_name("js/app.js")).read_text()
    imports = re.findall(r'import\s*"\./([^"]+)"', module)
    assert imports
    assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", one) and (tmp_path / "js" / one).exists() for one in imports)
    css = (tmp_path / storage.stored_name("css/tokens.css")).read_text()
    fonts = re.findall(r'url\("([^"]+)"\)', css)
    assert len(fonts) == 2
    assert all((tmp_path / "css" / one).resolve().exists() for one in fonts)
