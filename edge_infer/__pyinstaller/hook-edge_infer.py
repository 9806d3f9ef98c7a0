"""What a frozen program needs of this package beside its modules."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("edge_infer")

# `edge-infer bulk` says what is missing; a frozen program for a device does without half a gigabyte.
excludedimports = ["pyarrow", "ray"]
