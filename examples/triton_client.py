"""Ask Triton, or KServe's v2 protocol, over gRPC.

    pip install edge-infer "tritonclient[grpc]"
    python examples/triton_client.py HOST:8001 MODEL PHOTO...

MODEL is the bundled name or the file that `python -m export triton` was given.
"""

import sys

import numpy as np
from tritonclient import grpc

from edge_infer.faces.crops import crop_face
from edge_infer.faces.detector import FaceDetector
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.loading import load_input, load_rgb

address, model, *photos = sys.argv[1:]
metadata = open_model(model, ClassifierMetadata).metadata
spec = metadata.input
detector = None if spec.face is None else FaceDetector()
server = grpc.InferenceServerClient(address)

for photo in photos:
    if detector is None:
        inputs = [load_input(photo, spec)]
    else:  # a model of faces answers for each
        inputs = [crop_face(load_rgb(photo), face, spec) for face in detector.detect(photo)]
    for pixels in inputs:
        image = grpc.InferInput("image", [1, *pixels.shape], "UINT8")
        image.set_data_from_numpy(pixels[np.newaxis])
        answer = server.infer(metadata.name, [image])
        probabilities = answer.as_numpy("probabilities")[0]
        best = int(probabilities.argmax())
        certain = probabilities[best] >= metadata.min_score
        if metadata.min_known is not None:
            certain = certain and answer.as_numpy("known").item() >= metadata.min_known
        remark = "" if certain else "uncertain, best guess "
        print(f"{photo}: {remark}{metadata.labels[best]} {probabilities[best]:.1%}")
